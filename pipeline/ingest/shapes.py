"""Shapes: what a unit of a file looks like, and the reader that makes records of it.

`SHAPES` is the registry. A shape is either columns with certain names, each a field of the record, or a reader for
units with structure (turns, trees, pairs with a history), which answers None for a unit that is not its own. Each
unit goes to the first shape that fits it; the order below is from the most special to the most general. Rejected:
guessing by the texts (the longer column is the answer), which is right often enough to be trusted and wrong in
silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.ingest.columns import Names, Value
from pipeline.ingest.conversations import find_turns, turns_of
from pipeline.ingest.instructions import read_history, read_preference, read_self_instruct
from pipeline.ingest.parts import SYSTEM, Parts, from_turns
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.transcripts import read_transcript
from pipeline.ingest.trees import read_tree
from pipeline.ingest.turns import Kept, Unfit

Reader = Callable[[Value, SourceSpec], "Parts | Unfit | None"]

_CONTEXT: Names = ("context", "passage", "背景", "上下文")
_QUESTION: Names = (
    "question", "q", "query", "ask", "title_body", "user_question", "customer_question", "问题", "提问", "问句",
    "用户问题", "患者提问", "咨询内容", "问", "title", "标题",
)  # fmt: skip
_ANSWER: Names = (
    "answer", "a", "response", "reply", "std_answer", "standard_answer", "reference_answer", "best_answer",
    "accepted_answer", "upvoted_answer", "top_answer", "答案", "回答", "标准答案", "参考答案", "最佳答案", "医生回答",
    "答复", "回复", "答",
)  # fmt: skip
_TITLE: Names = ("title", "标题")
_TOLD: Names = ("ask", "患者提问", "咨询内容")
_DOCUMENT: Names = ("text", "content", "body", "article", "document", "正文", "内容", "文本", "文章")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a unit must hold.

    Args:
        required: column names (lower case, best first) for each field that a unit must have.
        optional: the same for fields that it may have.
        titled: names of a question in one line, and of its longer telling: where a unit has both, the first is the
            instruction and the second the input, for neither says it all.
        alone: where not None, the only other columns that a unit of this shape has when nobody declared it.
        read: reader of a unit with structure; such a shape requires no column by name.
        says: what a unit looks like, for messages.
    """

    required: Mapping[str, Names] = field(default_factory=dict)
    optional: Mapping[str, Names] = field(default_factory=dict)
    titled: tuple[Names, Names] = ((), ())
    alone: Names | None = None
    read: Reader | None = None
    says: str = ""

    @property
    def shown(self) -> str:
        """What a unit looks like, for messages."""
        return self.says or " + ".join(names[0] for names in self.required.values())

    def seen(self, value: Value) -> str:
        """What one unit of this shape looks like: where it has turns, the column and how they are written."""
        found = find_turns(value) if self.says.startswith(_TURNS) else None
        return f"{self.shown}: {found.column}, {_WRITTEN[found.style]}" if found else self.shown


_TURNS = "a list of turns"
_WRITTEN = {
    "messages": "{role, content}",
    "sharegpt": "{from, value}",
    "dialogue": "a speaker and a text each",
    "pairs": "a question and its answer each",
    "named": "each under the name of its speaker",
    "alternate": "the speakers taking turns, the first one asks",
}


def _listed(*styles: str) -> Reader:
    def read(value: Value, spec: SourceSpec) -> Parts | Unfit | None:
        found = find_turns(value)
        if found is None or found.style not in styles or (found.style == "alternate" and _asks(value)):
            return None
        told = Kept()
        turns = turns_of(found, told)
        if isinstance(turns, Unfit):
            return turns
        return from_turns(value, {found.column}, turns, told, spec.lang)

    return read


def _asks(value: Value) -> bool:
    """Return whether a unit has a question of its own, so that a list of texts in it is no conversation."""
    names = {*_QUESTION, "instruction", "prompt", "指令"}
    return any(column.strip().casefold() in names and isinstance(held, str) for column, held in value.items())


SHAPES: dict[str, Shape] = {
    "oasst_tree": Shape(
        read=lambda value, spec: read_tree(value, spec.lang, spec.tree_paths == "best"),
        says="prompt: {text, role, replies: [...]}",
    ),
    "preference": Shape(
        read=lambda value, spec: read_preference(value, spec.lang), says="prompt + chosen + rejected"
    ),
    "self_instruct": Shape(
        read=lambda value, spec: read_self_instruct(value, spec.lang),
        says="instruction + instances: [{input, output}]",
    ),
    "history": Shape(
        read=lambda value, spec: read_history(value, spec.lang),
        says="instruction + output + history: [[user, assistant]]",
    ),
    "messages": Shape(read=_listed("messages"), says="messages: [{role, content}]"),
    "sharegpt": Shape(read=_listed("sharegpt"), says="conversations: [{from, value}]"),
    "dialogue": Shape(
        read=_listed("dialogue", "pairs", "named", "alternate"), says="a list of turns of another kind"
    ),
    "transcript": Shape(
        read=lambda value, spec: read_transcript(value, spec.lang), says="text with marks such as Human: Assistant:"
    ),
    "alpaca": Shape(
        {"instruction": ("instruction", "指令", "指示"), "output": ("output", "输出")},
        {"input": ("input", "输入"), "system": SYSTEM},
    ),
    "dolly": Shape(
        {"instruction": ("instruction", "指令", "指示"), "output": ("response", "回复", "回答")},
        {"input": ("context", "input", "输入", "上下文"), "system": SYSTEM},
    ),
    "prompt_completion": Shape(
        {
            "instruction": ("prompt", "提示", "提示词"),
            "output": ("completion", "response", "output", "answer", "generation"),
        },
        {"system": SYSTEM},
    ),
    "question_answer": Shape(
        {"instruction": _QUESTION, "output": _ANSWER},
        {"input": _CONTEXT, "system": SYSTEM},
        titled=(_TITLE, _TOLD),
    ),
    "document": Shape(
        {"output": _DOCUMENT},
        alone=(
            "title", "headline", "subtitle", "heading", "headings", "section", "id", "doc_id", "docid", "uid", "_id",
            "url", "link", "source", "date", "time", "timestamp", "created", "crawl_date", "added", "author",
            "authors", "publisher", "license", "lang", "language", "language_score", "meta", "metadata", "stats",
            "dump", "file_path", "path", "filename", "file", "page", "pages", "token_count", "domain", "host",
            "keywords", "description", "desc", "abstract", "标题", "来源", "作者", "日期", "时间", "链接", "关键词",
        ),
    ),
}  # fmt: skip
"""Every shape that is recognised, from the most special to the most general."""
