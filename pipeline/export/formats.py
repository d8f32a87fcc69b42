"""One function a format: from the texts of a record to the JSON object that a trainer reads.

Tool calls and results stay text inside the turns (`<tool_call>` and `<tool_response>` blocks, as the Hermes and Qwen
templates write them), and tool definitions are a JSON text under `tools`. Rejected: OpenAI's `tool_calls` objects.
Arguments differ from call to call, so a loader that builds columns fills every call with the arguments of all others
as nulls, and as JSON text chat templates encode them twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.export.options import Export
from pipeline.record import prompt_of

Row = Mapping[str, Any]
"""One record: `system`, `history`, `instruction`, `input`, `output` and `meta`; `weight` if an export asks for it."""

Line = dict[str, object]

KEYS = ("system", "history", "tools")
"""What not every record has."""


def optional_keys(table: pa.Table) -> set[str]:
    """Return which of `KEYS` at least one record of a table has.

    Args:
        table: records, with `system`, `history` and `meta`.
    """
    found = set()
    if pc.any(pc.not_equal(table["system"], "")).as_py():
        found.add("system")
    if pc.any(pc.greater(pc.list_value_length(table["history"]), 0)).as_py():
        found.add("history")
    told = table.filter(pc.match_substring(table["meta"], '"tools"'))
    if any(_tools({"meta": meta}) for meta in told["meta"].to_pylist()):
        found.add("tools")
    return found


def alpaca(row: Row, export: Export, keys: Collection[str]) -> Line:
    """Return an Alpaca line."""
    line: Line = {name: row[name] for name in ("instruction", "input", "output")}
    if "system" in keys:
        line["system"] = _system(row, export)
    if "history" in keys:
        line["history"] = [[turn["user"], turn["assistant"]] for turn in row["history"]]
    if "tools" in keys:
        line["tools"] = _tools(row)
    return line


def prompt_completion(row: Row, export: Export, keys: Collection[str]) -> Line:
    """Return a prompt-completion line; earlier turns stand above the prompt, as they were said."""
    template = export.template_for(row["input"])
    prompt = _above(row, export, template) + _filled(template, row, export)
    return {"prompt": prompt, "completion": row["output"] + export.completion_suffix}


def messages(row: Row, export: Export, keys: Collection[str]) -> Line:
    """Return a line of OpenAI messages: the system text, earlier turns, the prompt, the response.

    Without tools `tools` is null: TRL parses any text that stands there.
    """
    said = [{"role": role, "content": text} for role, text in _turns(row)]
    system = _system(row, export)
    line: Line = {"messages": [{"role": "system", "content": system}, *said] if system else said}
    if "tools" in keys:
        line["tools"] = _tools(row) or None
    return line


def sharegpt(row: Row, export: Export, keys: Collection[str]) -> Line:
    """Return a ShareGPT line: turns of human and gpt, and the system text beside them."""
    names = {"user": "human", "assistant": "gpt"}
    line: Line = {"conversations": [{"from": names[role], "value": text} for role, text in _turns(row)]}
    if "system" in keys:
        line["system"] = _system(row, export)
    if "tools" in keys:
        line["tools"] = _tools(row)
    return line


def text(row: Row, export: Export, keys: Collection[str]) -> Line:
    """Return one text: a document as it is, a record as its template puts it."""
    if _is_document(row):
        return {"text": row["output"] + export.completion_suffix}
    template = export.template_for(row["input"])
    whole = _above(row, export, template) + _filled(template, row, export)
    return {"text": whole + export.completion_suffix}


FORMATS: dict[str, Callable[[Row, Export, Collection[str]], Line]] = {
    "alpaca": alpaca,
    "prompt_completion": prompt_completion,
    "messages": messages,
    "sharegpt": sharegpt,
    "text": text,
}


def render_line(row: Row, export: Export, keys: Collection[str] = ()) -> bytes:
    """Return one record as one line of JSON, with its final newline.

    Args:
        row: the record.
        export: the format and its options.
        keys: those of `KEYS` that any record of the build has; what the options add is added here.
    """
    if export.system:
        keys = {*keys, "system"}
    line = FORMATS[export.format](row, export, keys)
    if export.weights:
        line["weight"] = row["weight"]
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def column_types(export: Export, keys: Collection[str]) -> list[dict[str, object]]:
    """Return the columns of a format as a data set card declares them, or [] where a loader finds them by itself.

    It takes them from the first megabytes, and there histories and tools may all be empty.
    """
    if export.format == "alpaca" and "history" in keys:
        held = {*keys, "system"} if export.system else set(keys)
        names = ["instruction", "input", "output", *(name for name in KEYS if name in held)]
        turns: dict[str, object] = {"sequence": {"sequence": "string"}}
        typed = [{"name": name, **(turns if name == "history" else {"dtype": "string"})} for name in names]
        return typed + _weight(export)
    if export.format == "messages" and "tools" in keys:
        turn = [{"name": name, "dtype": "string"} for name in ("role", "content")]
        return [{"name": "messages", "list": turn}, {"name": "tools", "dtype": "string"}, *_weight(export)]
    return []


def _weight(export: Export) -> list[dict[str, object]]:
    return [{"name": "weight", "dtype": "float64"}] if export.weights else []


def _is_document(row: Row) -> bool:
    return not (row["instruction"] or row["input"] or row["history"])


def _system(row: Row, export: Export) -> str:
    system: str = row["system"]
    return system or ("" if _is_document(row) else export.system)


def _tools(row: Row) -> str:
    """Return the definitions of a record's tools as JSON text, or "" where meta.tools is absent or something else."""
    if '"tools"' not in row["meta"]:
        return ""
    held = orjson.loads(row["meta"]).get("tools")
    try:
        tools = orjson.loads(held) if isinstance(held, str) else held
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(tools, list) or not tools or not all(isinstance(tool, dict) for tool in tools):
        return ""
    return held if isinstance(held, str) else orjson.dumps(tools).decode()


def _turns(row: Row) -> list[tuple[str, str]]:
    prompt = "\n\n".join(part for part in (row["instruction"], row["input"]) if part)
    earlier = [(role, turn[role]) for turn in row["history"] for role in ("user", "assistant")]
    return [*earlier, ("user", prompt), ("assistant", row["output"])]


def _above(row: Row, export: Export, template: str) -> str:
    """Return what stands above a filled template: the system text, unless it is in the template, and earlier turns."""
    earlier = [said for turn in row["history"] for said in (turn["user"], turn["assistant"])]
    system = _system(row, export)
    if system and "{system}" not in template:
        earlier.insert(0, system)
    return "".join(f"{part}\n\n" for part in earlier)


def _filled(template: str, row: Row, export: Export) -> str:
    return template.format(
        system=_system(row, export),
        instruction=row["instruction"],
        input=row["input"],
        prompt=prompt_of(row["instruction"], row["input"]),
        output=row["output"],
    )
