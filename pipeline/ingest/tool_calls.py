"""Tool calls and their results as text, in the way that Hermes and Qwen templates write them.

A call is `<tool_call>`, a line of JSON {"name", "arguments"}, `</tool_call>`, below what the assistant said;
a result is `<tool_response>`, the text, `</tool_response>`, in the turn of the user. `</` inside either is
written `<\\/`, so that `calls_in` and `responses_in` give back what went in. Ids of calls are left out: they are
random, and a model should not learn to write them; the n-th result answers the n-th call. Rejected: JSON for
whole turns, which no chat template renders.
"""

from __future__ import annotations

import json
import re

_CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
_RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


def call_text(name: str, arguments: object) -> str:
    """Return one call as text; `arguments` is an object, or the JSON text of one."""
    if isinstance(arguments, str):
        arguments = _parsed(arguments)
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False).replace("</", "<\\/")
    return f"<tool_call>\n{body}\n</tool_call>"


def response_text(content: str) -> str:
    """Return one result as text."""
    body = content.replace("</tool_response>", "<\\/tool_response>")
    return f"<tool_response>\n{body}\n</tool_response>"


def calls_in(text: str) -> tuple[str, list[dict[str, object]]]:
    """Return what an assistant turn says, and the calls {"name", "arguments"} that it makes."""
    calls = [json.loads(found) for found in _CALL.findall(text)]
    return _CALL.sub("", text).strip("\n") if calls else text, calls


def responses_in(text: str) -> list[str]:
    """Return the results that a turn holds, in the order of the calls."""
    return [found.replace("<\\/tool_response>", "</tool_response>") for found in _RESPONSE.findall(text)]


def calls_of(message: dict[str, object]) -> list[tuple[str, str, object]] | None:
    """Return (id, name, arguments) of the calls of an OpenAI message; None where one is malformed."""
    listed = message.get("tool_calls")
    if listed is None and message.get("function_call") is not None:
        listed = [message["function_call"]]
    if listed is None:
        return []
    if not isinstance(listed, list):
        return None
    found: list[tuple[str, str, object]] = []
    for call in listed:
        inner = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            return None
        found.append((str(call.get("id") or ""), inner["name"], inner.get("arguments", {})))
    return found


def written_calls(content: str) -> str | None:
    """Return the text of the calls that a turn holds as JSON ({"name", "arguments"} or a list), or None."""
    parsed = _parsed(content)
    calls = parsed if isinstance(parsed, list) else [parsed]
    texts = []
    for call in calls:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return None
        texts.append(call_text(call["name"], call.get("arguments", call.get("parameters", {}))))
    return "\n".join(texts) or None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
