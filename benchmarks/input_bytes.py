"""Encodings, dialects and mojibake on texts of which the truth is known, because they are broken on purpose.

Run: python benchmarks/input_bytes.py ../shared/data (needs clevercsv for its column).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.ingest.dialects import dialect_of
from pipeline.ingest.encodings import decide
from pipeline.ingest.spec import SourceSpec
from quality.normalise import Subject, repair_mojibake

SPEC = SourceSpec(name="measured", path="x")
LENGTHS = (20, 50, 100, 300, 1000, 5000)


def chinese(data: Path) -> list[str]:
    texts = (data / "medicalgpt_zh/medical_corpus.txt").read_text(encoding="utf-8").split("\n")
    texts += (data / "kdconv_zh/travel_dev.json").read_text(encoding="utf-8").split("\n")[:6000]
    return [re.sub(r"\s+", " ", text) for text in texts if len(re.findall("[\u4e00-\u9fff]", text)) > 5]


def languages(data: Path) -> dict[str, list[str]]:
    with zipfile.ZipFile(data / "lingua_langid/lingua_testdata_18_languages.zip") as archive:
        names = [name for name in archive.namelist() if "sentences/" in name and name.endswith(".txt")]
        return {name.split("/")[-1][:2]: archive.read(name).decode().split("\n") for name in names}


def encodings(data: Path, each: int = 60) -> None:
    rng, zh, known = random.Random(1), chinese(data), languages(data)
    western = [text for code in ("de", "fr", "es", "it", "pt", "nl") for text in known[code]]
    ways = [(zh, "gb18030"), (known["ja"], "cp932"), (known["ja"], "euc_jp"), (known["ko"], "cp949")]
    ways += [
        (western, "cp1252"),
        (zh, "utf-16-le"),
        (zh, "utf-16-be"),
        (known["en"], "utf-16-le"),
        (zh, "utf-8"),
    ]
    for texts, name in ways:
        shares = []
        for length in LENGTHS:
            right = tried = 0
            while tried < each:
                start = rng.randrange(len(texts))
                text = "\n".join(texts[start : start + 400])[: length if name != "utf-16-le" else length // 2]
                sample = text.encode(name, "ignore")[:length].decode(name, "ignore").encode(name)
                if sample.isascii() and not name.startswith("utf-16"):
                    continue
                tried += 1
                right += decide(sample).name == name
            shares.append(f"{right / tried:.2f}")
        print(f"encoding {name:10} at {LENGTHS} bytes: {' '.join(shares)}")


def tables(data: Path, count: int = 600) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield tables of real texts, written in a dialect drawn at random."""
    found = []
    for name, delimiter, encoding in (
        ("covid_faq/faq_covidbert.csv", ",", "utf-8"),
        ("covid_faq/faq_200322_16.tsv", "\t", "utf-8"),
        ("dedupe_examples/AbtBuy_Abt.csv", ",", "utf-8"),
        ("dedupe_examples/csv_example_messy_input.csv", ",", "utf-8"),
        ("toyhom_medical_zh/样例_内科5000-6000.csv.gz", ",", "gb18030"),
    ):
        raw = (data / name).read_bytes()
        text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode(encoding, "replace")
        found.append(
            [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row][:400]
        )
    rng = random.Random(5)
    for _ in range(count):
        table = rng.choice(found)
        start = rng.randrange(1, max(2, len(table) - 60))
        columns = sorted(rng.sample(range(len(table[0])), rng.randint(2, min(8, len(table[0])))))
        rows = [
            [row[column].replace("\r", "") for column in columns]
            for row in [table[0], *table[start : start + rng.choice((3, 8, 20, 60))]]
            if len(row) == len(table[0])
        ]
        out = io.StringIO(newline="")
        escaped = rng.random() < 0.2
        csv.writer(
            out,
            delimiter=rng.choice(",,,\t\t;;||^~:\x01"),
            quotechar=rng.choice('""""\''),
            quoting=csv.QUOTE_ALL if escaped else rng.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)),
            doublequote=not escaped,
            escapechar="\\" if escaped else None,
            lineterminator=rng.choice(("\n", "\r\n")),
        ).writerows(rows)
        yield out.getvalue(), rows


def by_clevercsv(text: str) -> list[list[str]]:
    import clevercsv

    return list(clevercsv.reader(io.StringIO(text, newline=""), clevercsv.Sniffer().sniff(text[:8192])))


def by_sniffer(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), csv.Sniffer().sniff(text[:32768])))


def by_us(text: str) -> list[list[str]]:
    return list(dialect_of(text.encode()[: 1 << 16], SPEC).reader(io.StringIO(text, newline="")))


def dialects(data: Path) -> None:
    readers: dict[str, Callable[[str], list[list[str]]]] = {
        "ours": by_us,
        "csv.Sniffer": by_sniffer,
        "clevercsv": by_clevercsv,
    }
    right: Counter[str] = Counter()
    total = 0
    for text, rows in tables(data):
        total += 1
        for name, read in readers.items():
            try:
                right[name] += [row for row in read(text) if any(row)] == [row for row in rows if any(row)]
            except (csv.Error, ImportError, TypeError, ValueError):
                continue
    print("dialects:", {name: round(right[name] / total, 3) for name in readers}, "of", total)


def mojibake(data: Path) -> None:
    for path in sorted((data / "ftfy_cases").glob("*.json")):
        cases = json.loads(path.read_text(encoding="utf-8"))
        right = sum(
            repair_mojibake(case["original"], Subject()).text == case.get("fixed-encoding", case["fixed"])
            for case in cases
        )
        print(f"ftfy_cases/{path.name}: {right} of {len(cases)}")
    sentences = [s for text in chinese(data) for s in re.split("(?<=[。！？])", text) if 4 <= len(s) <= 120][
        :3000
    ]
    for written, read in (("utf-8", "gbk"), ("utf-8", "gb18030"), ("utf-8", "latin-1"), ("gbk", "latin-1")):
        right = exact = 0
        for sentence in sentences:
            try:
                broken = sentence.encode(written).decode(read)
            except UnicodeError:
                continue
            exact += not sentence.isascii()
            right += not sentence.isascii() and repair_mojibake(broken, Subject()).text == sentence
        print(f"{written} read as {read}: {right} of {exact} that lost no byte")
    changed = sum(repair_mojibake(text, Subject()).text != text for text in chinese(data))
    print(f"whole Chinese texts changed: {changed}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of local corpora")
    folder = parser.parse_args().data
    csv.field_size_limit(2**31 - 1)
    encodings(folder)
    dialects(folder)
    mojibake(folder)
