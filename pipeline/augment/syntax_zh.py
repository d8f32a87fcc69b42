"""Other forms of a Chinese request: question or order, A-not-A or 吗, adverbial before or after 请.

Chinese asks without moving words, so a question becomes an order by what stands before it; what must be known is
where the asking word stands and what follows. Rules read one sentence. Rejected: 把 out of every object (only some
verbs let it), turning 如果-clauses round (it reads as translated).
"""

from __future__ import annotations

import re

from pipeline.augment.syntax_en import Form, tables

_ORDER = re.compile(r"^(?:请你|请您|请|麻烦你|麻烦您|麻烦)?(.+)$")
_POLITE = re.compile(
    r"^(?:请问)?(?:你|您)?(?:能不能|能否|可不可以|可以|可否|能)(?:请|帮我|为我|给我)?((?!使用|用).{3,}?)(?<!吗)吗?$"
)
_SUBJECT_QUESTION = re.compile(
    r"^(?:请问)?(.{2,30})(?:是什么|是谁|在哪里|在哪|是多少|是哪里|有哪些|是哪一年|是哪个)$"
)
_ADVERBIAL = re.compile(r"^请((?:根据|基于|按照|使用|依据|参考|利用)[^，,]{2,30})[，,](.{3,})$")
_ADVERBIAL_BARE = re.compile(r"^((?:根据|基于|按照|使用|依据|参考|利用)[^，,请]{2,30})[，,]请(.{3,})$")
_MODAL = re.compile(
    r"^([^，,]{2,24}[^社机开大宴聚都不与协学工总年晚约议])(会|能够|可以|应该|需要)([^议员计场所长话见力不]..{1,30})吗$"
)
_WHETHER = re.compile(r"^(.{2,40}?)是否(.{2,40})$")
_WHO = re.compile(r"^(?:请问)?谁是(.{2,24})$")
_WHAT_IS = re.compile(r"^(?:请问)?什么是(.{1,20})$")
_IS_WHAT = re.compile(r"^(?:请问)?([^，,的]{1,14})是什么$")
_THERE_ARE = re.compile(r"^(?:请问)?(.{0,20}?)有哪些([^，,？]{2,30})$")
_ARE_WHICH = re.compile(r"^(?:请问)?(.{2,30}?)(?:都)?有哪些$")
_COUNT = re.compile(r"(?:多少|几)(?![个位]?(?:年级|月|乎|何))")
_ADDED = re.compile(
    r"[，,](?!并|以|使|从而|或|如|来|且|同时|涵盖|包含|包括|其中|至少|不超过|按|让|确保|字数|要求|进行|生成|一句话|分别|"
    r"创作|填写|撰写|编制|建议)(.{0,4})"
)
_RUN_ON = re.compile(
    r"以?下面?(?:的|这个|这段|这篇)?(?:句子|段落|文本|文章|短文)(?:我|他|她|你|在|这|昨|今|原)|^给定|^给你|[，,]你|如果|[。；]"
)
_BLOCK = re.compile(r"[？?]|什么样|怎么样$|怎么办|吗$|呢$|吧$|还是")
_FILLED = re.compile(r"[（(]\s*[）)]|_{2,}|→|答案[:：]?$|^问题|^\d+[.、]")


def verb_of(words: str) -> str:
    """Return the verb that an order begins with, or begins with after 请 or an adverbial; "" if none is known."""
    plain = re.sub(r"^(?:请你|请您|请|麻烦你|麻烦)", "", words)
    plain = re.sub(
        r"^(?:简要|简单|详细|具体|用[^，,]{2,12}?(?=解释|描述|说明|总结|概括|介绍|写))(?:地)?", "", plain
    )
    return next((verb for verb in tables()["zh"]["verbs"] if plain.startswith(verb)), "")


def order_of(words: str) -> str | None:
    """Return an order without 请, or None if the words are no clear order."""
    match = _ORDER.match(words)
    if match is None or _FILLED.search(words) or not verb_of(words) or len(words) > 90:
        return None
    phrase = match.group(1)
    if re.search(r"[吗呢吧？?]$|请|、$|您|你能|你需要|你会", phrase) or _RUN_ON.search(phrase):
        return None
    if any(not verb_of(added.group(1)) for added in _ADDED.finditer(phrase)):
        return None
    return phrase


def forms(words: str, mark: str) -> list[Form]:
    """Return a sentence's other forms, each once; arguments as for English."""
    plain = words.strip()
    if re.search(r"[a-zA-Z]{4,}.*[a-zA-Z]{4,}.*[a-zA-Z]{4,}.*[a-zA-Z]{4,}", plain) or _FILLED.search(plain):
        return []
    polite = _POLITE.match(plain)
    if polite and mark in ("？", "?") and verb_of(polite.group(1)) and "是否" not in plain:
        return [Form("request_to_order", start + polite.group(1), "。") for start in ("请", "麻烦你")]
    found = _moved(plain, mark)
    phrase = order_of(plain) if mark not in ("？", "?") else None
    if phrase is not None:
        return found + _asked(phrase)
    return found + (
        _turned(plain) + _told(plain) if mark in ("？", "?", "") or plain.startswith("请问") else []
    )


def _asked(phrase: str) -> list[Form]:
    """Return an order as a question."""
    return [
        Form("order_to_question", start + phrase + "吗", "？") for start in tables()["zh"]["requests"]
    ] + [Form("order_to_question", start + phrase, "？") for start in ("能不能", "能否")]


def _told(question: str) -> list[Form]:
    """Return a question as orders to tell."""
    asked = re.sub(r"^请问(?:一下)?[，,]?", "", question)
    if len(asked) < 4 or len(asked) > 80 or re.search(r"你|您|我", asked):
        return []
    zh = tables()["zh"]
    frames: list[str] = []
    if re.match(r"(?:如何|怎样|怎么(?!样))", asked) and not _clauses(asked):
        frames = zh["how"]
    elif re.match(r"(?:为什么|为何)", asked) and not _clauses(asked):
        frames = zh["why"]
    elif re.match(r"什么是", asked) and not _clauses(asked):
        frames = zh["what"]
    elif (listed := _ARE_WHICH.match(asked)) and not _clauses(asked):
        return [Form("question_to_order", f"{verb}{listed.group(1)}", "。") for verb in zh["list"]]
    elif (
        (listed := _THERE_ARE.match(asked))
        and not listed.group(1)
        and not re.search(r"可以|能够|是|会", listed.group(2))
    ):
        return [Form("question_to_order", f"{verb}一些{listed.group(2)}", "。") for verb in zh["list"]]
    elif (_SUBJECT_QUESTION.match(asked) and not _clauses(asked)) or (
        re.match(r"(?:谁|哪|哪个|哪些|什么时候|在哪)", asked) and not _clauses(asked)
    ):
        frames = zh["tell"]
    elif (count := _last_clause(asked)) is not None:
        before, last = count
        return [
            Form("question_to_order", before + start + last, "？" if start == "请问" else "。")
            for start in zh["count"]
        ]
    elif _WHETHER.match(asked) and not _clauses(asked):
        frames = zh["whether"]
    return [Form("question_to_order", frame.replace("{c}", asked), "。") for frame in frames]


def _clauses(asked: str) -> bool:
    """Tell whether more than one thing is asked or told."""
    return bool(re.search(r"[，,；;]", asked))


def _last_clause(asked: str) -> tuple[str, str] | None:
    """Return what a sum tells and what it asks: its last clause, which counts something."""
    cut = max(asked.rfind(mark) for mark in "，,．")
    before, last = asked[: cut + 1], asked[cut + 1 :].strip()
    if (
        cut < 0
        or not re.search(r"\d|[一二三四五六七八九十]", before)
        or not _COUNT.search(last)
        or len(last) < 4
    ):
        return None
    if (
        re.match(r"(?:求|问|请|那么|如果|则|那|计算|算)", last)
        or before.endswith(("一下，", "下,"))
        or _BLOCK.search(last)
        or _COUNT.search(before)
    ):
        return None
    return before, last


def _turned(question: str) -> list[Form]:
    """Return a question asked the other way round."""
    found: list[Form] = []
    if match := _WHO.match(question):
        found.append(Form("whether", f"{match.group(1)}是谁", "？"))
    if match := _WHAT_IS.match(question):
        found.append(Form("whether", f"{match.group(1)}是什么", "？"))
    if (match := _IS_WHAT.match(question)) and not re.search(r"[最哪这那]|以下|下面|答案", match.group(1)):
        found.append(Form("whether", f"什么是{match.group(1)}", "？"))
    if (
        (match := _THERE_ARE.match(question))
        and not match.group(1)
        and not re.search(r"可以|能够|能|会", match.group(2))
    ):
        found.append(Form("whether", f"{match.group(2)}有哪些", "？"))
    if (
        (match := _MODAL.match(question))
        and "是否" not in question
        and not re.search(r"一定|还|也|都", question)
    ):
        found.append(Form("whether", f"{match.group(1)}是否{match.group(2)}{match.group(3)}", "？"))
    if (
        (match := _WHETHER.match(question))
        and not re.search(r"你|您|判断|告诉|[，,].*[，,]|正确|可以", question)
        and re.match(r"(?:会|能|应该|需要|有|存在|必须)", match.group(2))
    ):
        found.append(Form("whether", f"{match.group(1)}{match.group(2)}吗", "？"))
    return found


def _moved(words: str, mark: str) -> list[Form]:
    """Return 请 before or after an adverbial."""
    end = mark or "。"
    if match := _ADVERBIAL.match(words):
        return (
            [Form("clause_order", f"{match.group(1)}，请{match.group(2)}", end)]
            if verb_of(match.group(2))
            else []
        )
    if (match := _ADVERBIAL_BARE.match(words)) and verb_of(match.group(2)):
        return [Form("clause_order", f"请{match.group(1)}，{match.group(2)}", end)]
    return []
