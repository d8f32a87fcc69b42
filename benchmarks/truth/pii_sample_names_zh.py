"""Draws fresh Chinese texts in which names of persons are labelled by hand, to score a recogniser that is written.

None of the texts labelled before is drawn. Signals that make a name likely (a common surname beside a title or a verb
of speech, a word of naming, a middle dot) are general ones and ask no recogniser; a share of each file is drawn at
random, and holds what a recogniser must leave alone. Corpora never drawn from before (`NEW`) are the cleaner test.

    python pii_sample_names_zh.py --data CORPORA
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from corpora_pii import digest, half, rows
from pii_sample_zh import FIELDS, texts

HERE = Path(__file__).parent
LONGEST = 320
SEED = 20250722
NEW = ("huatuo_zh", "belle_seed", "tico19_en_zh", "mlqe_pe", "lingua_langid")
# File: (texts drawn at random, texts drawn because a signal is in them)
DRAWS = {
    "belle_seed/eval_set.json": (28, 60),
    "belle_seed/zh_seed_tasks.json": (8, 16),
    "huatuo_zh/llama_data.json.gz": (22, 14),
    "huatuo_zh/liver_cancer.json.gz": (8, 4),
    "tico19_en_zh/all.en-zh.tmx.gz": (14, 22),
    "mlqe_pe/en-zh-train.tar.gz": (14, 34),
    "kdconv_zh/film_dev.json.gz": (4, 22),
    "kdconv_zh/music_dev.json": (4, 22),
    "kdconv_zh/travel_dev.json": (4, 10),
    "medicalgpt_zh/sharegpt_zh_1K_format.jsonl.gz": (2, 28),
    "medicalgpt_zh/glaive_toolcall_zh_demo.jsonl": (0, 20),
    "medicalgpt_zh/dpo_zh_500.jsonl.gz": (0, 14),
    "medicalgpt_zh/medical_sft_1K_format.jsonl": (4, 6),
    "medicalgpt_zh/fever.txt": (3, 3),
    "emollm_zh/data.json.gz": (3, 12),
    "emollm_zh/aiwei.json.gz": (2, 4),
    "crosswoz_zh/val.json.zip": (4, 6),
    "toyhom_medical_zh/样例_内科5000-6000.csv.gz": (8, 14),
}
_NEWS = "lingua_langid/lingua_testdata_18_languages.zip/sentences/zh.txt"
_GIVEN = "[一-鿿]{1,2}"
# The first draw held few names in full: files, a pattern to look for, how many. Still before a label was written.
_SURNAMES = (
    "[王李张刘陈杨赵黄周吴徐孙胡朱林何郭罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢"
    "蒋蔡贾丁魏薛叶阎潘杜戴钟姜于]"
)
SECOND_DRAW = [
    (_NEWS, "", 30),
    (_NEWS, _SURNAMES + _GIVEN + "(说|表示|认为|指出|介绍|告诉|称|先生|女士|教授|主任|医生|书记)", 30),
    (
        _NEWS,
        f"(?<![一-鿿]){_SURNAMES}{_GIVEN}(?=[，、在是和与的为（])|、{_SURNAMES}{_GIVEN}(?=[、，。和等与])",
        30,
    ),
    (_NEWS, f"[长理席员者人星手授生任家裁事记]{_SURNAMES}{_GIVEN}(?=[，、在是和与的为对（说从将也])", 30),
    (_NEWS, "·", 8),
    (
        "huatuo_zh/llama_data.json.gz",
        "小[明红华刚芳丽强美亮军玲]|小" + _SURNAMES + "(?=[，的是在一因有出])",
        16,
    ),
    ("huatuo_zh/llama_data.json.gz", _SURNAMES + "[一-鿿]{0,2}(先生|女士|小姐|阿姨|叔叔|大爷)", 14),
    ("huatuo_zh/llama_data.json.gz", f"(患者|病人|名叫|叫){_SURNAMES}{_GIVEN}(?=[，。：因出])", 10),
    ("kdconv_zh/film_dev.json.gz", f"、{_SURNAMES}{_GIVEN}(?=[、，。和等与])", 10),
    ("kdconv_zh/music_dev.json", f"、{_SURNAMES}{_GIVEN}(?=[、，。和等与])", 10),
    ("kdconv_zh/travel_dev.json", "先生|皇帝|[一-鿿]公主", 4),
]
MORE_FIELDS = {"std_answer", "question", "instruction", "attrvalue", "translation", "zh"}
# Common surnames
SURNAME = "[王李张刘陈杨赵黄周吴徐孙胡朱林何郭罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎潘杜戴钟姜范]"
SIGNALS = [
    re.compile(SURNAME + "[一-鿿]{0,2}(先生|女士|小姐|教授|医生|老师|主任|大夫|院士|博士|同学|阿姨|叔叔)"),
    re.compile(SURNAME + "[一-鿿]{1,2}(说|表示|认为|指出|介绍|告诉|问道|回答|写道|提出|发现)"),
    re.compile("(名叫|叫做|我叫|名为|姓名|导演|歌手|主演|作者|主席|总统|演员|诗人|作家)[:：是“]?" + SURNAME),
    re.compile("[小老阿]" + SURNAME + "(?![一-鿿]家)|小[明红华刚芳丽强美]"),
    re.compile("[一-鿿] ?[·•] ?[一-鿿]"),
    re.compile(SURNAME + "[一-鿿]{1,2}[，。、（和与的是在]"),
    re.compile(
        r"\b[A-Z][a-z]+ [A-Z][a-z]+|[于余丁安文方高马金白江石成明时][一-鿿]{1,2}(说|表示|认为|指出|问|先生|是|的)"
    ),
]


def labelled() -> set[str]:
    """Return the digests of the texts that were labelled or that carry made-up values."""
    files = ("pii_spans_zh.jsonl", "pii_slots_zh.jsonl")
    return {json.loads(line)["digest"] for f in files for line in (HERE / f).read_text("utf-8").splitlines()}


def draw(data: Path) -> list[dict[str, Any]]:
    """Return file, row, field, digest, half and `drawn` of every text to label, no text twice."""
    chance, seen, found = random.Random(SEED), labelled(), list[dict[str, Any]]()
    records: dict[str, set[int]] = defaultdict(set)

    def pool(file: str) -> list[tuple[int, str, str]]:
        """Return the texts of a file as row, field and text, in an order by chance."""
        every = [
            (row, field, text)
            for row, record in enumerate(rows(data / file))
            for field, text in texts(record, "", FIELDS | MORE_FIELDS, LONGEST)
        ]
        chance.shuffle(every)
        return every

    def take(file: str, limit: int, every: list[tuple[int, str, str]], signal: str | re.Pattern[str]) -> int:
        """Take texts not taken before, from the front, at most one of a record; return how many are wanting."""
        drawn = "likely" if signal else "random"
        for row, field, text in every:
            if not limit:
                break
            if row in records[file] or digest(text) in seen or not re.search(signal, text):
                continue
            seen.add(digest(text))
            records[file].add(row)
            limit -= 1
            place = {"file": file, "row": row, "field": field}
            found.append({**place, "digest": digest(text), "half": half(text), "lang": "zh", "drawn": drawn})
        return limit

    for file, (at_random, likely) in DRAWS.items():
        every = pool(file)
        left = take(file, at_random, every, "")
        share, rest = divmod(likely, len(SIGNALS))
        for place, signal in enumerate(SIGNALS):
            left = take(file, left + share + (place < rest), every, signal)
        take(file, left, every, "|".join(signal.pattern for signal in SIGNALS))
    for file, pattern, limit in SECOND_DRAW:
        take(file, limit, pool(file), pattern)
    return sorted(found, key=lambda item: (item["file"], item["row"], item["field"]))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="the folder of public corpora")
    for item in draw(arguments.parse_args().data):
        print(json.dumps(item, ensure_ascii=False))
