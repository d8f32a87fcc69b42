"""Draws the Chinese texts in which personal data is labelled by hand: some at random, some because they look promising.

A seeded draw, so that the list can be made again; the signals only choose what is read, never what is labelled. Draws
take turns between the signals, or the commonest one (digits in medicine) would fill every place.

    python pii_sample_zh.py --data CORPORA
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from corpora_pii import digest, half, rows, text_at

LONGEST = 1000
SEED = 20240613
# File: (texts drawn at random, texts drawn because a signal is in them)
DRAWS = {
    "medicalgpt_zh/sharegpt_zh_1K_format.jsonl.gz": (25, 45),
    "medicalgpt_zh/medical_sft_1K_format.jsonl": (20, 8),
    "medicalgpt_zh/glaive_toolcall_zh_demo.jsonl": (12, 50),
    "medicalgpt_zh/dpo_zh_500.jsonl.gz": (15, 30),
    "crosswoz_zh/val.json.zip": (15, 45),
    "emollm_zh/aiwei.json.gz": (5, 6),
    "emollm_zh/data.json.gz": (6, 14),
    "emollm_zh/tiangou.json.gz": (4, 6),
    "toyhom_medical_zh/内科.txt.gz": (10, 6),
    "toyhom_medical_zh/样例_内科5000-6000.csv.gz": (8, 8),
}
# The first draw found hardly a number, an address or a Chinese name: files, a pattern to look for, how many
_SHARE, _DPO, _GLAIVE = (
    "medicalgpt_zh/sharegpt_zh_1K_format.jsonl.gz",
    "medicalgpt_zh/dpo_zh_500.jsonl.gz",
    "medicalgpt_zh/glaive_toolcall_zh_demo.jsonl",
)
SECOND_DRAW = [
    ("crosswoz_zh/val.json.zip", r"\d{3}-\d{7,8}", 26),
    ("crosswoz_zh/val.json.zip", r"(?<!\d)1[3-9]\d{9}", 5),
    ("crosswoz_zh/val.json.zip", r"[路街道巷村镇同]\S{0,8}\d+号", 26),
    ("kdconv_zh/travel_dev.json", r"\d{3,4}[-－—]\d{7,8}|[路街道巷村镇]\S{0,8}\d+号", 18),
    ("kdconv_zh/travel_dev.json", r".", 5),
    ("kdconv_zh/music_dev.json", r".", 12),
    ("kdconv_zh/film_dev.json.gz", r".", 12),
    (_GLAIVE, r"\w@\w+\.", 8),
    (_GLAIVE, r"(生于|出生)\D{0,6}(19|20)\d\d", 3),
    (_GLAIVE, r"大道\d+号|\d+ \w+ St\b", 3),
    (_SHARE, r"[\w.]@\w+\.\w|\d{3}-\d{3}-\d{4}", 8),
    (_SHARE, r"(名叫|我叫)", 12),
    (_SHARE, r"[街路道]\d+号", 3),
    (_SHARE, r"(生于|出生)\D{0,6}(19|20)\d\d", 3),
    (_SHARE, r"192\.168|10\.10\.", 6),
    (_SHARE, r"(?<!\d)\d{2,3}\.\d{3,}(°|, ?-?\d{1,3}\.\d{3})", 4),
    (_DPO, r"(名叫|我叫|姓名：)", 10),
    (_DPO, r"\w@\w|\d{3}-\d{3}-\d{4}", 3),
    ("medicalgpt_zh/medical_sft_1K_format.jsonl", r"路\d+号", 1),
    ("emollm_zh/data.json.gz", r"小明", 2),
    ("emollm_zh/tiangou.json.gz", r"名叫", 1),
    ("toyhom_medical_zh/样例_内科5000-6000.csv.gz", r"同事小[王李刘张]|小张|老张|我叫[^他她它]|莫沙", 9),
    ("toyhom_medical_zh/样例_内科5000-6000.csv.gz", r"(同事|亲戚|朋友|邻居|叫)(小|老)[王李刘张陈赵]", 6),
    ("kdconv_zh/music_dev.json", r"[李王张刘陈杨黄周林][^，。？！]{1,2}(的|是|唱|演|吗|，|。)", 18),
    ("kdconv_zh/film_dev.json.gz", r"[李王张刘陈杨黄周林][^，。？！]{1,2}(的|是|导|演|吗|，|。)", 18),
]
# Chinese names are so rare in prose that these were picked by hand from a list of surname hits
PICKED = [
    (_DPO, 64, "conversations.0.value"),
    (_DPO, 190, "conversations.1.value"),
    (_DPO, 196, "conversations.0.value"),
    (_SHARE, 9, "conversations.327.value"),
    (_SHARE, 44, "conversations.2.value"),
    (_SHARE, 225, "conversations.0.value"),
    (_SHARE, 343, "conversations.2.value"),
    (_SHARE, 589, "conversations.9.value"),
    ("toyhom_medical_zh/样例_内科5000-6000.csv.gz", 7543, "ask"),
]
FIELDS = {
    "",
    "value",
    "content",
    "message",
    "input",
    "output",
    "chosen",
    "rejected",
    "title",
    "ask",
    "answer",
}
SIGNALS = [
    re.compile(r"\d[\d -]{6,}"),
    re.compile(r"@|微信|QQ|邮箱|邮件|密码"),
    re.compile(r"电话|手机|地址|\d号|生于|出生[于在日]"),
    re.compile(r"姓名|叫做|名叫|我叫|叫小|先生|女士|小姐|同学|小[李王张明红华刚芳丽强]|老[李王张]"),
    re.compile(r"[一-鿿]{2}(医生|教授|老师|主任|大夫)"),
    re.compile(r"\b[A-Z][a-z]+ [A-Z][a-z]+|[一-鿿]·[一-鿿]"),
]


def texts(
    record: Any, field: str = "", fields: Collection[str] = FIELDS, longest: int = LONGEST
) -> Iterator[tuple[str, str]]:
    """Yield each text of a record that a person or a model wrote, with its dotted path."""
    if isinstance(record, str):
        if (
            field.rsplit(".", 1)[-1] in fields
            and 0 < len(record) <= longest
            and re.search("[一-鿿]{4}", record)
        ):
            yield field, record
        return
    parts: Any = ()
    if isinstance(record, dict):
        parts = record.items()
    elif isinstance(record, list):
        parts = enumerate(record)
    for key, value in parts:
        yield from texts(value, f"{field}.{key}" if field else str(key), fields, longest)


def draw(data: Path) -> list[dict[str, Any]]:
    """Return file, row, field, digest, half and `drawn` of every text to label, no text twice."""
    chance, seen, found = random.Random(SEED), set[str](), list[dict[str, Any]]()

    def pool(file: str) -> list[tuple[int, str, str]]:
        """Return the texts of a file as row, field and text, in an order by chance."""
        every = [
            (row, field, text)
            for row, record in enumerate(rows(data / file))
            for field, text in texts(record)
        ]
        chance.shuffle(every)
        return every

    def take(file: str, drawn: str, limit: int, fits: list[tuple[int, str, str]]) -> int:
        """Take texts not taken before, from the front, at most one of a record; return how many."""
        count, records = 0, set[int]()
        for row, field, text in fits:
            if count < limit and row not in records and digest(text) not in seen:
                seen.add(digest(text))
                records.add(row)
                count += 1
                place = {"file": file, "row": row, "field": field}
                found.append({**place, "digest": digest(text), "half": half(text), "drawn": drawn})
        return count

    for file, (at_random, likely) in DRAWS.items():
        every, left = pool(file), likely
        take(file, "random", at_random, every)
        for place, signal in enumerate(SIGNALS):
            fits = [item for item in every if signal.search(item[2])]
            left -= take(file, "likely", left // (len(SIGNALS) - place), fits)
        take(
            file,
            "likely",
            left,
            [item for item in every if any(signal.search(item[2]) for signal in SIGNALS)],
        )
    for file, pattern, limit in SECOND_DRAW:
        take(
            file,
            "likely" if pattern != "." else "random",
            limit,
            [i for i in pool(file) if re.search(pattern, i[2])],
        )
    for file, row, field in PICKED:
        take(file, "likely", 1, [(row, field, text_at(data, file, row, field))])
    return sorted(found, key=lambda item: (item["file"], item["row"], item["field"]))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="the folder of public corpora")
    for item in draw(arguments.parse_args().data):
        print(json.dumps(item, ensure_ascii=False))
