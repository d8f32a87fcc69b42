"""Account names of people: behind a word (QQ, 微信, Telegram, username), with an @ in prose, or in a profile's address.

An @ is as often a decorator, a CSS rule or a package as a person, so a bare one counts only in a line that does not
read like code, in a text that holds no code; names of code (@param, @media) never count. Rejected: marking every
@word, which destroys one line of Python in ten, and presidio, which has no recogniser for accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from quality.pii import signs
from quality.pii.placeholders import is_placeholder
from quality.pii.signs import HAN
from quality.pii.spans import Span

_NAME: Final = "account"
_MENTION: Final = re.compile(r"@([A-Za-z0-9_](?:[A-Za-z0-9_]|[.-](?=[A-Za-z0-9_])){1,38})")
_HAN_MENTION: Final = re.compile(rf"@([\w{HAN}-]{{2,16}})(?=[\s:：,，。!！?？/]|$)")
_RESERVED: Final = re.compile(
    r"(?i)(?:media|import|keyframes|font-face|charset|supports|namespace|page|layer|container|property|include"
    r"|mixin|extend|use|forward|apply|tailwind|"
    r"param|params|return|returns|throws|exception|author|since|version|see|link|deprecated|override|overload"
    r"|test|before(?:each|all)?|after(?:each|all)?|"
    r"autowired|bean|component|service|repository|controller|entity|table|column|id|data|getter|setter"
    r"|interface|implementation|end|selector|class|protocol|"
    r"property|synthesize|dynamic|staticmethod|classmethod|abstractmethod|dataclass|property|app|click|pytest"
    r"|functools|lru_cache|cached|wraps|input|output|"
    r"ngmodule|injectable|type|types|typedef|brief|file|if|else|endif|foreach|endforeach|section|yield|extends"
    r"|escaping|main|mainactor|state|published|"
    r"example|home|gmail|email|hotmail|work|time|everyone|here|channel|all|latest|next|beta)"
)
_NO_PERSON: Final = re.compile(
    r"(?:Mapping|Body|Param|Variable|Controller|Service|Configuration|Component|Annotation|Module|Bean|Valid"
    r"|NotNull|Test|Override|Application|Repository)$"
    r"|\.(?:com|net|org|cn|edu|gov|io|de|uk|fr|jp)$"
)
_CODE_LINE: Final = re.compile(
    r"[{}]|[A-Za-z_]\(|;\s*$|[A-Za-z_\]]\s?[=+]=?\s|->|=>|::|^\s*@[\w.]+\s*(?:\(|$)|^\s*(?:#|//|\*|--|>>>|\$ )"
    r"|`|注解|装饰器|(?i:annotation|decorator|directive|css)"
)
_CODE_TEXT: Final = re.compile(
    r"^\s*(?:def |class \w+|import \w|from [\w.]+ import|public |private |protected |function |#include|SELECT "
    r"|DECLARE |CREATE |@interface|func |fn |let |const |var |"
    r"return\b.*;|end$|<\w+[ >]|package |using )|```",
    re.MULTILINE,
)
_SOCIAL: Final = re.compile(
    r"(?i)twitter|instagram|telegram|tiktok|weibo|微博|facebook|tweet|follow|(?<![A-Za-z])(?:rt|ig|dm|via|cc"
    r"|handle|tg|thanks|hey|hi|hello|by|username)(?![A-Za-z])|关注|推特|账号|帐号|用户|知乎|小红书|抖音|快手|b站|豆瓣"
)
_SERVICE: Final = (
    r"(?:twitter|instagram|insta|telegram|snapchat|skype|discord|tiktok|line|github|gitlab|facebook|reddit"
    r"|linkedin|steam|xbox|psn|kik|signal|wechat|weixin|"
    r"twitch|youtube|medium|venmo|cash ?app|slack|gamertag|微博|抖音|快手|小红书|推特|电报|知乎|哔哩哔哩|b站"
    r"|豆瓣|ins|ig|tg)"
)
_QQ: Final = re.compile(
    r"(?i)(?<![A-Za-z])(?:qq|扣扣|叩叩|企鹅|球球|秋秋|(?<=加)q|q(?=[号：: ]))"
    r"([^0-9A-Za-z\n。]{0,8}?|[^0-9\n。]{0,20}?(?:是|：|:|号|號|加)[ ]?)"
    r"([1-9][0-9]{4,10})(?![0-9A-Za-z.@]|[人个個元块名万亿年月天次首])"
)
_WECHAT: Final = re.compile(
    r"(?i)(?:微信|微訊|(?<![A-Za-z])(?:we ?chat|weixin|wx|vx|v信|v(?=[：:号]))(?![a-z])|威信|薇信|徽信|绿泡泡"
    r"|[加➕+][v微薇威]|卫星)([^A-Za-z0-9\n。；;@]{0,12}?"
    r"(?:(?<![A-Za-z])(?:id|no|number|account|is|me|at|my|on)(?![A-Za-z])[ :：.#]{0,3}){0,3})@?"
    r"([A-Za-z][A-Za-z0-9_-]{5,19}|[1-9][0-9]{5,11})(?![A-Za-z0-9_@]|\.[A-Za-z])"
)
_NAMED: Final = re.compile(
    rf"(?i)(?:(?<![A-Za-z])(?:user[ _-]?name|user[ _-]?id|user|login|screen[ _-]?name|nick(?:name)?|handle"
    rf"|account(?: name)?)|(?<![A-Za-z]){_SERVICE}(?: ?(?:account|handle|id|name|username|user|号|账号|帐号))?"
    rf"|用户名|用戶名|登录名|登錄名|账号名?|帐号|賬號|昵称|网名|網名|用户ID|推特|微博)"
    r"(?:将|將)?(?:[\"'”’*]{0,2} ?(?::|=|：|是|为|為|叫)|[ ](?:is|was|are|as|=)"
    r"(?![A-Za-z])|(?<=[号號名]) ?(?=[A-Za-z]))[ ]?[\"'“‘「`*@(]{0,3}@?"
    r"((?:live:)?[A-Za-z0-9_.][A-Za-z0-9_.#-]{1,38}[A-Za-z0-9_])(?=[\"'”’」`*),.;!?，。；、！？）\s]|$|[一-鿿])"
)
_SERVICE_NAMED: Final = re.compile(rf"(?i){_SERVICE}")
# "微信和手机都是 138…" gives a telephone number.
_CALL: Final = re.compile("同号|同號|同步|手机|電話|电话|手機|打|拨|短信|热线|座机")
_FIVE_SIGN: Final = signs.sign("[1-9][0-9]{4}", beside=signs.DIGIT)
_QQ_SIGN: Final = signs.sign("qq")
_QQ_ZH_SIGN: Final = signs.sign(signs.words("扣扣|叩叩|q |企鹅|球球|秋秋|加q|q号|q：|q:"))
_WECHAT_SIGN: Final = signs.sign(signs.words("wechat|weixin|wx|vx"))
_WECHAT_EN_SIGN: Final = signs.sign("we chat")
_WECHAT_ZH_SIGN: Final = signs.sign(
    signs.words("加微|加薇|加威|+微|+薇|徽信|绿泡泡|➕v|v：|v:|v号|微信|微訊|v信|威信|薇信|加v|+v|卫星")
)
_NAMED_SIGN: Final = signs.sign(
    signs.words(
        "username|user name|user_name|user-name|userid|user id|user_id|user:|user =|user=|user'|user\"|login|"
        "screen name|screenname|screen_name|nickname|nick:|handle|account|twitter|insta|telegram|snapchat|"
        "skype|discord|tiktok|facebook|reddit|linkedin|xbox|psn|kik:|kik |wechat|weixin|twitch|youtube|venmo|"
        "github|gitlab|gamertag|slack:|steam:|steam id|signal:|medium:|line:|line id|cashapp|cash app|ins:|"
        "ins：|ig:|ig：|tg:|tg：|ig is|tg号|ins号|ig号|"
        "微博|抖音|快手|小红书|推特|电报|知乎|哔哩|b站|豆瓣|用户|用戶|登录名|登錄名|账号|帐号|賬號|昵称|网名|網名"
    )
)
# A word of the pattern with what stands between it and a name: most texts have the words alone.
_JOINED_SIGN: Final = signs.sign(
    rf"(?:user[ _-]?name|user[ _-]?id|user|login|screen[ _-]?name|nick(?:name)?|handle|account(?: name)?"
    rf"|{_SERVICE}(?: ?(?:account|handle|id|name|username|user|号|账号|帐号))?"
    r"|用户名|用戶名|登录名|登錄名|账号名?|帐号|賬號|昵称|网名|網名|用户id)"
    r"(?:将|將)?(?:[\"'”’*]{0,2} ?[:=：是为為叫]| (?:is|was|are|as|=))[ ]?[\"'“‘「`*@(]{0,3}[a-z0-9_.]",
    "[号號名] ?[a-z]",
)
_STATED_SIGN: Final = signs.sign("[:：=是为為叫]", "[号號名] ?[a-z]")
_IS_SIGN: Final = signs.sign(" (?:is|was) ")
_IS: Final = re.compile(r" (?:is|was) [\"'“@]?[A-Za-z.-]*[0-9_@\"#]")
_PROFILES: Final = (
    r"(?:(?:github\.com|gitlab\.com|gitee\.com"
    r"|twitter\.com|x\.com|instagram\.com|weibo\.com(?:/u|/n)?|weibo\.cn(?:/u)?|t\.me|"
    r"facebook\.com|fb\.com|snapchat\.com/add|pinterest\.com|twitch\.tv|paypal\.me|keybase\.io|huggingface\.co"
    r"|kaggle\.com|soundcloud\.com|vk\.com)/@?"
    r"|linkedin\.com/in/|zhihu\.com/people/|youtube\.com/(?:@|user/|c/)|tiktok\.com/@|medium\.com/@"
    r"|reddit\.com/(?:u|user)/|space\.bilibili\.com/|"
    r"stackoverflow\.com/users/[0-9]{1,9}/|douban\.com/people/|jianshu\.com/u/|steamcommunity\.com/id/"
    r"|mastodon\.social/@|threads\.net/@)"
)
_PROFILE: Final = re.compile(
    rf"(?i)(?<![A-Za-z0-9.@/-])(?:https?://)?(?:(?:www|m|mobile)\.)?{_PROFILES}"
    r"([\w%-][\w.%-]{0,58}[\w-])/?(?![\w/%?=-])"
)
_NO_PROFILE: Final = re.compile(
    r"(?i)(?:about|login|signup|join|search|explore|home|topics?|features?|hashtag|intent|share|sharer"
    r"(?:\.php)?|settings|help|privacy|terms|pricing|blog|docs|models|datasets|spaces|"
    r"marketplace|repository|orgs|organizations|trending|notifications|groups|pages|events|watch|i|p|status"
    r"|username|user|yourname|your.*|features|contact|index\.html|joinchat|s|c)"
)
_REDDIT: Final = re.compile(r"(?<![A-Za-z0-9_./-])/?u/[A-Za-z0-9_-]{3,20}(?![A-Za-z0-9_/-])")
_REDDIT_SIGN: Final = signs.sign("reddit")
_REDDIT_NAME_SIGN: Final = signs.sign("u/[a-z0-9_-]{3}")
_PROFILE_SIGN: Final = signs.sign(_PROFILES)
SIGNS: Final = (
    signs.AT
    | _FIVE_SIGN
    | _WECHAT_SIGN
    | _WECHAT_EN_SIGN
    | _WECHAT_ZH_SIGN
    | _JOINED_SIGN
    | _REDDIT_NAME_SIGN
    | _PROFILE_SIGN
)


def recognise(text: str) -> Iterator[Span]:
    """Find account names."""
    seen = signs.read(text)
    text, held = seen.text, seen.held
    if held & signs.AT:
        yield from _mentions(text)
    ascii_only = text.isascii()
    if held & _FIVE_SIGN and (held & _QQ_SIGN or (held & _QQ_ZH_SIGN and not ascii_only)):
        for match in _QQ.finditer(text):
            if not _CALL.search(match[1]):
                yield _span(match, 0.95)
    if held & (_WECHAT_SIGN | (_WECHAT_EN_SIGN if ascii_only else _WECHAT_ZH_SIGN)):
        for match in _WECHAT.finditer(text):
            if _is_account(match) and not _CALL.search(match[1]):
                yield _span(match, 0.94)
    if (
        held & _JOINED_SIGN
        and held & _NAMED_SIGN
        and (held & _STATED_SIGN or (held & _IS_SIGN and _IS.search(text)))
    ):
        yield from _named(text)
    if held & _REDDIT_NAME_SIGN and held & _REDDIT_SIGN:
        for match in _REDDIT.finditer(text):
            yield Span(match.start(), match.end(), "handle", 0.85, _NAME)
    if held & _PROFILE_SIGN:
        for match in _PROFILE.finditer(text):
            if not _NO_PROFILE.fullmatch(match[1]):
                yield Span(match.start(), match.start() + len(match[0].rstrip("/.")), "handle", 0.93, _NAME)


def _named(text: str) -> Iterator[Span]:
    for match in _NAMED.finditer(text):
        if not is_placeholder(match[1]) and _is_name_like(match):
            yield _span(match, 0.85)


def _span(match: re.Match[str], score: float) -> Span:
    """Return the span of a pattern's last group, with an @ before it."""
    group = match.re.groups
    start = match.start(group)
    if start and match.string[start - 1] == "@":
        start -= 1
    return Span(start, match.end(group), "handle", score, _NAME)


def _is_account(match: re.Match[str]) -> bool:
    """Tell whether a WeChat account could be this: a plain English word behind "WeChat" is the sentence going on."""
    name = match[2]
    if any(not char.isalpha() for char in name):
        return True
    said = match.string[max(0, match.start(2) - 2) : match.start(2)].rstrip()
    return name.islower() and said[-1:] != "" and said[-1:] in "号號：:是加為为"


def _is_name_like(match: re.Match[str]) -> bool:
    """Tell whether what follows "username:" is a name: without quotation marks it must not be a plain word or code."""
    name = match[1]
    if match.string[match.end() : match.end() + 1] in ("(", "["):
        return False
    opening = match.string[match.start(1) - 1]
    if name.isdigit():
        return len(name) >= 5
    if opening in "\"'“‘「`":
        return not name.istitle()
    if any(char.isdigit() or char == "_" for char in name):
        return True
    # "user: catherine" is a line of a dialogue, "the account is suspended" a sentence.
    said = match.string[match.start() : match.start(1)].rstrip()
    dotted = "." in name
    return (
        name.islower()
        and said[-1] in ":："
        and len(name) >= 6
        and (not dotted or (_SERVICE_NAMED.match(said) is not None and not _NO_PERSON.search(name)))
        and not said.lower().startswith("user:")
    )


def _mentions(text: str) -> Iterator[Span]:
    code: bool | None = None
    for match in _MENTION.finditer(text):
        start, name = match.start(), match[1]
        previous = text[start - 1 : start]
        if previous and (
            (previous.isalnum() and previous.isascii())
            or (previous in "._/@-+#$%&<\\'=[(" and previous not in "([")
        ):
            continue
        following = text[match.end() : match.end() + 1]
        if (
            following in ("/", "@", "(")
            or _NO_PERSON.search(name)
            or _RESERVED.fullmatch(name)
            or not any(char.isalpha() for char in name)
        ):
            continue
        if code is None:
            code = _CODE_TEXT.search(text) is not None
        line = _line(text, start)
        social = _SOCIAL.search(line) is not None
        if (code or _CODE_LINE.search(line)) and not (social and not _CODE_LINE.search(line)):
            continue
        yield Span(start, match.end(), "handle", 0.86 if social else 0.8, _NAME)
    if "//@" in text or not text.isascii():
        for match in _HAN_MENTION.finditer(text):
            start = match.start()
            if match[1].isascii() or (start and text[start - 1].isalnum() and text[start - 1].isascii()):
                continue
            # Scanned books have an @ for a numeral in a circle: it takes a social word, a forward's // or a line of
            # its own.
            if (
                text[start - 2 : start] == "//"
                or text[start - 1 : start] in ("", "\n")
                or _SOCIAL.search(_line(text, start))
            ):
                yield Span(match.start(), match.end(), "handle", 0.8, _NAME)


def _line(text: str, place: int) -> str:
    """Return the line around a place, at most two hundred characters to both sides, without HTML entities."""
    start = max(text.rfind("\n", max(0, place - 200), place) + 1, place - 200, 0)
    end = text.find("\n", place, place + 200)
    return re.sub("&#?[a-z0-9]{1,8};", " ", text[start : end if end >= 0 else place + 200])
