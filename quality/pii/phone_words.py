"""The words that make a number a telephone number, and those that make it something else.

Kept apart from the forms, since they grow with every corpus and the forms do not.
"""

from __future__ import annotations

import re
from typing import Final

from quality.pii import signs
from quality.pii.signs import HAN

HAN_TEXT: Final = re.compile(f"[{HAN}]")

_EN: Final = (
    r"(?<![A-Za-z])(?:(?:tele|mobile |cell |home |work |office |smart)?-?phones?(?:[ _-]?n(?:umber|o|um|r))?"
    r"|phone_?number|tel|telefon(?:nummer|o)?|tél(?:éphone)?|teléfono|m[óo]vil|handy|rufnummer|mob(?:ile)?|"
    r"(?:my|his|her|our|your|their) (?:new )?number(?= is |:)|"
    r"cell(?:phone|ular)?|fax|hotline|helpline|landline|whats ?app|viber|imessage|pager|toll[- ]free|contact "
    r"(?:number|no))s?(?![A-Za-z])"
)
_EN_VERBS: Final = (
    r"(?<![A-Za-z])(?:(?:call|dial|phone|text|sms|telephone)(?:ed|ing)?|ring(?= (?:me|us|him|her|them|on|at))"
    r"|reach(?:ed|able)?|contact(?:ed)?|answering)"
    r"(?: (?:me|us|him|her|them|it|you|back|on|at|is|was|now|directly|anytime|to|for|or|and|the|my|our|your|his"
    r"|office|number|line|[A-Z][a-z]+)){0,5}[ :,'\"]{0,3}$"
)
_EN_BEFORE: Final = re.compile(
    rf"(?i:{_EN})[^0-9\n.!?;。！？；]{{0,16}}(?:\n[ \t]{{0,4}})?$|(?<![A-Za-z])[TtMmFfPpCc]"
    rf"(?:el)?\s?[:：]\s{{0,2}}$"
)
_EN_VERB_BEFORE: Final = re.compile(f"(?i:{_EN_VERBS})")
_STEMS: Final = signs.listed(
    "phone|tel|tél|mob|vil|handy|rufn|number|cell|fax|line|whats|viber|imessage|pager|toll|contact|:|："
)
_VERB_STEMS: Final = ("call", "dial", "phone", "text", "sms", "ring", "reach", "contact", "answering")
# The word, then up to a dozen characters that hold no digit, no letter and no end of a sentence.
_ZH_BEFORE: Final = re.compile(
    r"(?:电话|電話|手机|手機|座机|座機|致电|致電|拨|撥|来电|來電|热线|熱線|客服|传真|傳真|联系方式|聯繫方式"
    r"|联系我|联络|(?:微信|微|[VvXx])同[号號步]|同微信|短信|打给我|分机|联系人|咨询|呼叫|电联"
    rf"|(?:(?<![{HAN}])|(?<=[的个他她我你家您]))(?:号码|號碼))[^0-9\n。！？；A-Za-z]{{0,10}}$"
    r"|打(?!折)[^0-9\n。！？A-Za-z元]{0,3}$|[☎📞📱✆][ :：]{0,2}$"
)
_AFTER: Final = re.compile(
    r"(?i)[ \t]?[-(（]?[ \t]?(?:office|fax|mobile|cell|home|work|phone|tel|direct|hotline|toll[- ]free)"
    r"(?![A-Za-z])|[ ]?(?:这个)?(?:电话|手机号|热线|客服)"
)
# Seven digits of an order are an order, whatever they look like.
_OTHER: Final = re.compile(
    r"(?i)(?<![A-Za-z])(?:orders?|tracking|invoice|isbn|issn|doi|serial|sku|ref(?:erence)?|id|uuid|pin|zip"
    r"|version|part|model|item|case|ticket|"
    r"batch|lot|barcode|upc|ean|imei|hash|port|patent|bill|account|acct|card|ssn|passport|licen[cs]e|iban"
    r"|policy|seed|timestamp)(?:[ _]?(?:number|no|num|code|id))?[ .:#=\"'是为为]{0,4}$"
    r"|(?:订单|訂單|单号|單號|编号|編號|书号|条码|條碼|运单|序号|学号|工号|卡号|账号|帐号|帐户|账户|税号|代码"
    r"|证号|護照|护照|许可证|批号|版本|流水|邮编|邮政编码|准字|股票|代號|型号|qq|QQ|微信|身份证"
    r"|证件)[^0-9\n。]{0,5}$"
    r"|[#$€£¥￥@=/_]$|isbn[^\n]{0,12}$"
)
_AMOUNT: Final = re.compile(
    r"\s?(?:[%°℃‰]|元|块|美元|万|亿|人|年|月|个|次|米|公里|公斤|克|件|平方|分钟|小时|dollars|euros|people|years"
    r"|km|kg|usd|eur|bytes|users|miles|meters|degrees)"
    r"|\s?[*^=<>]\s?[0-9(a-z]|\s?[+/]\s?[0-9]|\s?[×÷]"
)

SHORT_ZH: Final = re.compile(
    r"(?:电话|電話|热线|熱線|客服|致电|致電|拨打|撥打|拨|撥|手机|座机|分机|分機|短信(?:发送)?到)(?:号码|號碼|号"
    r"|號|是|为|為|打|到|联系|[ :：“\"（(]){0,4}"
    r"([0-9]{4,8})(?![0-9A-Za-z.,:%年月日元人次个個分小块名家门条万千位天米]|[-/][0-9])"
    r"|(?<![0-9A-Za-z.])([0-9]{5})(?=(?:客服|服务|服務)?(?:热线|熱線|电话|電話|客服))"
)
SHORT_EN: Final = re.compile(
    r"(?<![A-Za-z])(?:[Dd]ial|[Ee]xt(?:ension)?\.?|[Tt]ext (?:[A-Z]+ )?to|[Hh]otline(?: number)?(?: is)?:?) ?"
    r"([0-9]{4,6})(?![0-9A-Za-z.,:%]| (?:people|times|years|words))"
)
"""A word and the short number that it introduces; the number is the last group that took part."""

SHORT_ZH_SIGN: Final = signs.sign(
    "(?:电话|電話|热线|熱線|客服|致电|致電|拨|撥|手机|座机|分机|分機|短信(?:发送)?到)"
    '(?:号码|號碼|号|號|是|为|為|打|到|联系|[ :：“"（(])*[0-9]{4}',
    "[0-9]{5}(?:客服|服务|服務|热线|熱線|电话|電話)",
    beside=signs.DIGIT,
)
SHORT_EN_SIGN: Final = signs.sign(
    r"(?:dial|ext(?:ension)?\.?|text (?:[a-z]+ )?to|hotline(?: number)?(?: is)?:?) ?[0-9]{4}",
    beside=signs.DIGIT,
)
SHORT_EN_WORD: Final = signs.sign(signs.words("dial |ext|hotline"), beside=signs.DIGIT)


def said(words: str, follows: str) -> int:
    """Tell how plainly the words around a number say that it is a phone: 2 a noun, 1 a verb (call), 0 not."""
    lower = words.lower()
    if signs.holds(lower, _STEMS) and _EN_BEFORE.search(words):
        return 2
    if (not words.isascii() and _ZH_BEFORE.search(words)) or _AFTER.match(follows):
        return 2
    return int(signs.holds(lower, _VERB_STEMS) and _EN_VERB_BEFORE.search(words) is not None)


def denied(words: str, follows: str) -> bool:
    """Tell whether they say that it is something else."""
    return _OTHER.search(words) is not None or _AMOUNT.match(follows) is not None
