"""Chinese addresses: from the province down to street and number, building, unit and room, or village and group.

A number with its unit (12号, 3栋, 501室) is where the reading begins: what stands before must end like a street, a village or a
building. Then it is read on to the narrowest part, and back to the widest. Rejected: a gazetteer of divisions (they change each year,
and streets are in none), and a city or district alone, which is no address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from quality.lookalike.chinese import chinese_words
from quality.pii.spans import Span

BY: Final = "addresses_zh"
_NUMERAL = r"(?:[A-Za-z]{0,2}[-－]?\d{1,5}(?:[-－—之]\d{1,4}){0,2}|[一二三四五六七八九十百零〇两]{1,5}|[A-Za-z甲乙丙丁](?=[栋幢座]))"
_UNIT = re.compile(
    rf"(?<![\d.])(?:附|第|甲|乙)?{_NUMERAL}\s?(?:号院|号楼|号|弄|栋|幢|组|单元|室|座)(?!线|公路|台风|文件|令|染色|机|选手|球|楼梯|内|员|织|合|成|元|方|前|间|温|外|位)"
)
_MORE = re.compile(
    rf"[\s,，]{{0,2}}(?:(?:附|第)?{_NUMERAL}\s?(?:号院|号楼|号|弄|巷|支弄|栋|幢|组|单元|室|座|层|楼|户|房|门)(?!线)"
    r"|\d{3,4}(?=[，。,\s]|$)"
    r"|[\u4e00-\u9fffA-Za-z0-9]{2,10}?(?:大厦|大楼|广场|中心|公寓|花园|小区|家园|写字楼|宿舍|园区|产业园|科技园|电视塔|艺术区|商城|家属院)(?:[A-Z]座)?(?:[内下])?)"
)
_POSTCODE = re.compile(r"[\s,，(（]{0,2}(?:邮编|邮政编码)(?:是|为)?[:：]?\s?\d{5,6}[)）]?|[\s,，]{1,2}\d{6}(?!\d)")
_STREET = re.compile(
    r"(?:路|街|大道|道|巷|胡同|弄|里|坊|村|屯|庄|寨|镇|乡|苑|园|城|小区|大厦|广场|公寓|中心|大楼|大院|新村|社区|家园|花园|院|湾|段|园区|开发区|号|栋|幢|楼|工业区|艺术区)"
    r"(?:[东西南北中]{1,2}[段侧路街]?)?\s?$"
)
_NARROW = frozenset("路街道巷同弄里坊村屯庄寨镇乡段东西南北中区苑园厦院")
_ADMIN = re.compile(r"(?:省|自治区|特别行政区|市|自治州|州|盟|县|区|旗|镇|乡|街道|村|开发区|新区)")
_LEAD = re.compile(
    r"(?:地址|住址|位置|坐落|家住|现住|居住地|户籍地?|籍贯|收货地|寄|送|搬|迁|就|都|也|还|我|你|他|她|它|们)?"
    r"(?:位于|住在|坐落于|坐落在|开在|设在|就在|是在|在|住|于|是|到|至|往|去|从|为|叫|的|了|来|抵达|前往|回|给|把|将|经过|路过|离|距|见|址|有|家|找|看|和|与|及|或)"
)
_REGIONS: Final = (
    "北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 "
    "西藏 宁夏 新疆 香港 澳门 广州 深圳 杭州 南京 武汉 成都 西安 苏州 长沙 沈阳 青岛 郑州 大连 东莞 宁波 厦门 福州 无锡 合肥 昆明 哈尔滨 济南 佛山 长春 温州 "
    "石家庄 南宁 常州 泉州 南昌 贵阳 太原 烟台 嘉兴 南通 金华 珠海 惠州 徐州 海口 乌鲁木齐 绍兴 中山 台州 兰州 中国"
).split()
_REGION = re.compile("|".join(sorted(_REGIONS, key=len, reverse=True)))
_RUN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9]*$")
_GENERIC = frozenset("道路 公路 马路 铁路 线路 街道 小路 大路 村庄 城镇 医院 学院 法院 小区 大楼 广场 中心 社区 花园 家园 楼道 通道".split())
"""Words for a kind of place; with a number and no name they are no address."""

_LONGEST: Final = 36


def find_addresses_zh(text: str) -> Iterator[Span]:
    """Find addresses that are written in Chinese characters."""
    free = 0
    for match in _UNIT.finditer(text):
        if match.start() < free:
            continue
        start = _start(text, match.start(), free)
        if start < 0:
            continue
        end = _end(text, match.end())
        yield Span(start, end, "address", 0.85, BY)
        free = end


def _start(text: str, at: int, free: int) -> int:
    """Return where the address begins whose first number stands at a place, -1 when none does."""
    low = max(free, at - _LONGEST)
    before = text[low:at].rstrip(" ")
    run = _RUN.search(before)
    head = run.group() if run else ""
    street = _STREET.search(head)
    if street is None or street.start() < 1 or head[street.start() - 1 : street.start() + 1] in ("公里", "这里", "那里", "哪里", "知道", "频道", "渠道"):
        return -1
    if head[street.start() :].strip() in ("号", "栋", "幢", "楼") and not re.search(r"\d", head):
        return -1
    if head[-2:] in _GENERIC:
        return -1
    cut = _lead_end(head, street.start())
    begin = low + len(before) - len(head) + cut
    stem = head[cut : street.start()]
    if not stem or (len(stem) == 1 and not stem.isalnum()):
        return -1
    return begin


def _lead_end(head: str, street: int) -> int:
    """Return how much of the characters before a street belongs to the sentence and not to the address."""
    cut = 0
    region = _REGION.search(head)
    if region and region.start() < street and (not region.start() or _is_lead(head[: region.start()])):
        return region.start()
    for match in _LEAD.finditer(head, 0, street):
        end = match.end()
        if end < street and not any(chinese_words().get(head[end - 1 : end + n], 0) >= 5 for n in (1, 2)):
            cut = end
    if not _ADMIN.search(head, cut, street + 1) and street - cut > 5:
        for size in (4, 3, 2):
            if chinese_words().get(head[street - size : street], 0) or chinese_words().get(head[street - size : street + 1], 0):
                return street - size
        return street - 3
    return cut


def _is_lead(words: str) -> bool:
    """Tell whether what stands before a region need not belong to the address; it never does."""
    return bool(words)


def _end(text: str, at: int) -> int:
    """Return where the narrowest part of an address ends, its postcode included."""
    end = at
    for _ in range(6):
        match = _MORE.match(text, end)
        if match is None or re.search("[的是在有和与了及离距为有]", match.group()):
            break
        end = match.end()
    code = _POSTCODE.match(text, end)
    return code.end() if code else end
