"""data/dataset_info.json: the exports, as LLaMA-Factory wants them described (`dataset_dir: builds/NAME/data`).

A data set there is one file, so each format and split is an entry NAME_FORMAT_SPLIT. A column is named only where the
lines have it: the trainer looks up every column that is named. The file is plain ASCII, because it is opened with
whatever encoding the machine prefers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from pipeline.export.options import Export

_COLUMNS: dict[str, dict[str, str]] = {
    "alpaca": {"prompt": "instruction", "query": "input", "response": "output"},
    "prompt_completion": {"prompt": "prompt", "response": "completion"},
    "messages": {"messages": "messages"},
    "sharegpt": {"messages": "conversations"},
    "text": {"prompt": "text"},
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "alpaca": ("system", "history", "tools"),
    "messages": ("tools",),
    "sharegpt": ("system", "tools"),
}
_TAGS: dict[str, dict[str, str]] = {
    "messages": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
    "sharegpt": {
        "role_tag": "from",
        "content_tag": "value",
        "user_tag": "human",
        "assistant_tag": "gpt",
        "system_tag": "system",
    },
}


def dataset_info(name: str, exports: Iterable[Export], splits: Iterable[str], keys: Collection[str]) -> str:
    """Return the text of dataset_info.json.

    Args:
        name: of the build.
        exports: the formats that are written.
        splits: those with at least one record.
        keys: the optional keys that any record of the build has.
    """
    splits = list(splits)
    info: dict[str, dict[str, object]] = {}
    for export in exports:
        held = {*keys, "system"} if export.system else set(keys)
        optional = [key for key in _OPTIONAL.get(export.format, ()) if key in held]
        columns = {**_COLUMNS[export.format], **{key: key for key in optional}}
        for split in splits:
            entry: dict[str, object] = {"file_name": f"{export.format}/{split}.jsonl"}
            entry["formatting"] = "sharegpt" if export.format in _TAGS else "alpaca"
            entry["columns"] = columns
            if export.format in _TAGS:
                entry["tags"] = _TAGS[export.format]
            info[f"{name}_{export.format}_{split}"] = entry
    return json.dumps(info, indent=2) + "\n"
