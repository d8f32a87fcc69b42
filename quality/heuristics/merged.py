"""Records in which several instructions, each with its own output, were glued together.

The evidence is structure: labelled turns ("Instruction:", "输出：", "Human:") in an order that only a second
record gives. Examples before an open question, conversations and quizzes have such labels as well; they are
told apart by what the prompt asks for, by the last turn being open and by a text of one's own before the
first label. Rejected: any second label counts, which drops every few-shot prompt and every dialogue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from quality.heuristics.lexicon import section
from quality.heuristics.units import units

_LONGEST = 20_000
_ROLES = {
    "task": "instruction|task|prompt|指令|任务|指示",
    "input": "input|输入",
    "ask": "question|q|human|user|问题|问|提问|用户|人类",
    "answer": "output|response|completion|answer|a|assistant|ai|bot|gpt|输出|回复|回答|答案|答|助手|机器人",
}
_ROLE_OF = {label: role for role, labels in _ROLES.items() for label in labels.split("|")}
_LABELS = "|".join(sorted(_ROLE_OF, key=len, reverse=True))
_TURN = re.compile(
    rf"(?:^|(?<=[.?!。？！;；]))[ \t]{{0,8}}(?:[#*>\-]{{1,6}}[ \t]{{0,4}})?"
    rf"((?:[(（]?(?:\d{{1,3}}|[一二三四五六七八九十]{{1,3}})[.)）、]{{0,2}}[ \t]{{0,4}})?)"
    rf"\*{{0,2}}<?({_LABELS})>?[ \t]{{0,4}}(\d{{0,3}})\*{{0,2}}[ \t]{{0,4}}[:：]\*{{0,2}}",
    re.M,
)
_SPEAKERS = frozenset({"human", "user", "用户", "人类", "提问"})
_HEADING = re.compile(
    r"^#{2,4}[ \t]{0,4}(?:human|assistant|instruction|response|input|user|指令|输入|回复|用户|助手)"
    r"[ \t]{0,4}[:：]?[ \t]{0,4}$",
    re.M,
)
_TOKEN = re.compile(
    r"<\|(?:im_start|im_end|endoftext|user|assistant|end)\|>|\[/?inst\]|</?s>"
    r"|<(?:bot|human|user)>[ \t]{0,4}[:：]"
)
_EXAMPLE = re.compile(
    r"example|e\.g\.|for instance|such as|following|below|similar|format|shot|sample"
    r"|示例|例如|例子|样例|以下|如下|格式|下面|案例|示范|参考"
)
_ITEM = re.compile(
    r"^[ \t]{0,8}(?:\(?\d{1,2}[.)、）]|(?:task|question|instruction|任务|问题|题目?|指令) ?\d{1,2} ?[.:：、])"
    r"[ \t]{0,8}(\S.*)$",
    re.M,
)
_BARE_NUMBER = re.compile(r"\W*\d[\d.,]*\W*")
_DIGIT = re.compile(r"\d")
_REFERS = re.compile(
    r"(?<![a-z])(?:it|its|them|they|their|this|that|these|those|then|result|above|each|same|previous|step|next"
    r"|answer)(?![a-z])|其|它|他|她|这|那|上述|该|再|然后|结果|步|最后|接着|上面"
)
_SMALL_WORDS = """
a an the of to in on for and or with by from at as is are was were be do does what which who how why when
where give write list name explain describe make create your you me my i some one two three four five six
"""
_SMALL = frozenset(
    [*_SMALL_WORDS.split(), *"的了是在一个和与写请出三两五列给什么为有用篇首种解释说明描述关于"]
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A labelled turn: its role (`task`, `input`, `ask`, `answer`) and what stands behind the label."""

    role: str
    label: str
    content: str
    numbered: bool


def turns(text: str) -> tuple[str, list[Turn]]:
    """Return the text before the first label, and the labelled turns."""
    matches = list(_TURN.finditer(text))
    if not matches:
        return text, []
    ends = [match.start() for match in matches[1:]] + [len(text)]
    found = [
        Turn(
            _ROLE_OF[match.group(2)],
            match.group(2),
            text[match.end() : end].strip(),
            bool(match.group(1).strip() or match.group(3)),
        )
        for match, end in zip(matches, ends, strict=True)
    ]
    return text[: matches[0].start()].strip(" \t\r\n#*>-"), found


def merged(instruction: str, input_: str, response: str) -> str:
    """Return the id of the rule by which a record holds a second one, or ""."""
    asked = f"{instruction}\n{input_}"[:_LONGEST].lower()
    return _in_response(response[:_LONGEST].lower(), asked) or _in_instruction(
        instruction[:_LONGEST].lower(), response
    )


def _in_response(response: str, asked: str) -> str:
    if ":" not in response and "：" not in response and "<" not in response and "#" not in response:
        return ""
    heading = _HEADING.search(response) or _TOKEN.search(response)
    if heading is not None and heading.start() > 0 and heading.group().strip() not in asked:
        wanted = section("asks.tasks").matches(asked) or section("asks.turns").matches(asked)
        rule = "response.heading" if heading.group().startswith("#") else "response.token"
        return "" if wanted else rule
    own, found = turns(response)
    if len(found) < 2:
        return ""
    steps = {(left.role, right.role) for left, right in pairwise(found)}
    has_task = any(turn.role == "task" for turn in found)
    has_answer = any(turn.role == "answer" for turn in found)
    if has_task and has_answer and own and not section("asks.tasks").matches(asked):
        return "response.second_task"
    pairs = sum((left.role, right.role) == ("input", "answer") for left, right in pairwise(found))
    if pairs >= (1 if own else 2) and not section("asks.tasks").matches(asked):
        return "response.second_input"
    if own and ("ask", "answer") in steps and not section("asks.turns").matches(asked):
        return "response.second_question"
    return ""


def _in_instruction(instruction: str, response: str) -> str:
    own, found = turns(instruction) if ":" in instruction or "：" in instruction else ("", [])
    if len(found) >= 2:
        roles = [turn.role for turn in found]
        filled = [turn.role == "answer" and bool(turn.content) for turn in found]
        first = filled.index(True) if True in filled else len(found)
        later = roles[first + 1 :]
        if "task" in later and not _EXAMPLE.search(own):
            return "instruction.second_task"
        if first == 0 and own and ("ask" in later or "input" in later) and not _EXAMPLE.search(own):
            return "instruction.second_question"
        if not own and _is_list_of_questions(found, first):
            return "instruction.listed_questions"
        asks_on = any(mark in found[-1].content[-80:] for mark in "?？")
        if not own and filled[-1] and roles[0] in {"task", "ask"} and not asks_on:
            return "instruction.own_answer"
    return "instruction.numbered" if _answers_one(instruction, response) else ""


def _is_list_of_questions(found: list[Turn], first: int) -> bool:
    """Return whether questions with their answers are listed, and the last is left for the response.

    Speakers ("Human:", "用户：") hold a conversation, and an open "A:" at the end marks examples.
    """
    asks = [turn for turn in found if turn.role == "ask"]
    if first == len(found) or found[0].role != "ask" or found[-1].role != "ask" or not found[-1].content:
        return False
    return all(turn.numbered for turn in asks) or not any(turn.label in _SPEAKERS for turn in asks)


def _answers_one(instruction: str, response: str) -> bool:
    """Return whether an instruction is a numbered list of unrelated tasks and the response meets one."""
    if "\n" not in instruction:
        return False
    items = _ITEM.findall(instruction)
    lines = [line for line in instruction.splitlines() if line.strip()]
    if len(items) < 2 or len(items) != len(lines) or _ITEM.search(response) or _REFERS.search(instruction):
        return False
    said = set(units(response)) - _SMALL
    content = [set(units(item)) - _SMALL for item in items]
    if any(left & right for at, left in enumerate(content) for right in content[at + 1 :]):
        return False
    if _BARE_NUMBER.fullmatch(response):
        return sum(1 for item in items if _DIGIT.search(item)) == 1
    return sum(1 for words in content if len(words & said) >= 1) == 1
