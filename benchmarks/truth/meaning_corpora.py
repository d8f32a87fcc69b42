"""Reads the sentences that edits are made on: real ones of five public corpora, English and Chinese.

One reader for the hand-written pairs and the declared edits, so that a sentence is found again by its corpus and
digest. Rejected: copying the sentences beside the edits, which their licences and the size of the files speak against.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import io
import json
import random
import re
from functools import cache
from pathlib import Path

ENGLISH = ("dolly", "oasst", "covid", "tico_en")
CHINESE = ("belle", "tico_zh")
PROMPTS = {
    "en": ("dolly_asked", "self_instruct_asked", "gsm8k_asked", "tico_en"),
    "zh": ("belle_asked", "medicalgpt_asked", "huatuo_asked", "tico_zh"),
}
"""Corpora of whole prompts, and of sentences, that the third hand-written set is drawn from."""
_TMX = re.compile(
    r'<tuv xml:lang="en">\s*<seg>(.*?)</seg></tuv>\s*<tuv xml:lang="zh"><seg>(.*?)</seg>', re.DOTALL
)
_ENDS = {"en": re.compile(r"(?<=[.!?])\s+|\n+"), "zh": re.compile(r"(?<=[。！？])|\n+")}
_SHORTEST_ZH, _LONGEST_ZH = 9, 48
_FEWEST, _MOST, _LONGEST_EN = 6, 24, 150
_MOST_ASKED, _LONGEST_ASKED_ZH = 45, 80


def digest(sentence: str) -> str:
    """16 hexadecimal digits of a sentence."""
    return hashlib.blake2b(sentence.encode(), digest_size=8).hexdigest()


@cache
def sentences(data: Path, corpus: str) -> tuple[str, ...]:
    """Return the distinct sentences of one corpus that are neither very short nor very long, in order."""
    language = "zh" if corpus in CHINESE else "en"
    texts = _texts(data, corpus)
    whole = texts if corpus.startswith("tico") else [part for text in texts for part in _cut(text, language)]
    fits = _fits_zh if language == "zh" else _fits_en
    return tuple(dict.fromkeys(text for text in whole if fits(text)))


def draw(data: Path, corpus: str, count: int, purpose: str) -> list[str]:
    """Return so many sentences of a corpus, drawn by the purpose and the corpus alone."""
    pool = sentences(data, corpus)
    return random.Random(f"{purpose}:{corpus}").sample(pool, min(count, len(pool)))


@cache
def prompts(data: Path, corpus: str) -> tuple[str, ...]:
    """Return the distinct prompts of one corpus that are neither very short nor very long, in order of digest."""
    if corpus in (*ENGLISH, *CHINESE):
        return tuple(sorted(sentences(data, corpus), key=digest))
    fits = _asked_zh if corpus in PROMPTS["zh"] else _asked_en
    return tuple(sorted({text.strip() for text in _asked(data, corpus) if fits(text.strip())}, key=digest))


def _asked_en(text: str) -> bool:
    return _FEWEST <= len(text.split()) <= _MOST_ASKED and "\n" not in text


def _asked_zh(text: str) -> bool:
    han = sum("一" <= char <= "鿿" for char in text)
    return _SHORTEST_ZH <= len(text) <= _LONGEST_ASKED_ZH and han > 0.6 * len(text) and "\n" not in text


def _asked(data: Path, corpus: str) -> list[str]:
    if corpus == "dolly_asked":
        return [one["instruction"] for one in json.loads(_read(data / "dolly_3k/dolly_3k.json.gz"))]
    file, key = {
        "self_instruct_asked": ("self_instruct/user_oriented_instructions.jsonl", "instruction"),
        "gsm8k_asked": ("gsm8k/test.jsonl", "question"),
        "belle_asked": ("belle_seed/eval_set.json", "question"),
        "medicalgpt_asked": ("medicalgpt_zh/medical_sft_1K_format.jsonl", "conversations"),
        "huatuo_asked": ("huatuo_zh/llama_data.json.gz", "instruction"),
    }[corpus]
    rows = [json.loads(line) for line in _read(data / file).split("\n") if line.strip()]
    return [row[key] if isinstance(row[key], str) else row[key][0]["value"] for row in rows]


def _cut(text: str, language: str) -> list[str]:
    return [part.strip() for part in _ENDS[language].split(text) if part.strip()]


def _fits_en(text: str) -> bool:
    return _FEWEST <= len(text.split()) <= _MOST and len(text) < _LONGEST_EN


def _fits_zh(text: str) -> bool:
    han = sum("一" <= char <= "鿿" for char in text)
    return _SHORTEST_ZH <= len(text) <= _LONGEST_ZH and han > 0.7 * len(text)


def _texts(data: Path, corpus: str) -> list[str]:
    if corpus == "dolly":
        return [one["output"] for one in json.loads(_read(data / "dolly_3k/dolly_3k.json.gz"))]
    if corpus == "oasst":
        lines = _read(data / "oasst_sample/en_100_message.jsonl.gz").splitlines()
        return [json.loads(line)["text"] for line in lines]
    if corpus == "covid":
        rows = csv.DictReader(io.StringIO(_read(data / "covid_faq/faq_covidbert.csv"), newline=""))
        return [f"{row['question']}\n{row['answer']}" for row in rows if row["lang"] == "en"]
    if corpus == "belle":
        units = [json.loads(line) for line in _read(data / "belle_seed/eval_set.json").split("\n") if line]
        seeds = [
            json.loads(line) for line in _read(data / "belle_seed/zh_seed_tasks.json").split("\n") if line
        ]
        return [
            *(unit["std_answer"] or "" for unit in units),
            *(unit["question"] for unit in units),
            *(unit["instances"][0]["output"] or "" for unit in seeds),
        ]
    side = 0 if corpus == "tico_en" else 1
    return [
        html.unescape(pair[side]).strip()
        for pair in _TMX.findall(_read(data / "tico19_en_zh/all.en-zh.tmx.gz"))
    ]


def _read(path: Path) -> str:
    if not path.is_file():
        raise SystemExit(f"{path} is missing; name the folder of corpora with --data")
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
