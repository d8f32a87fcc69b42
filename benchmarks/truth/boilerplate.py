"""Boilerplate: canned replies planted in real corpora are found, and what is shared rightly is left alone.

    python benchmarks/truth/boilerplate.py [--data ../shared/data] [--corpora alpaca huatuo] [--seed 0] [--show 50]

First each corpus as it is: every group that the stage condemns is printed to be read. Then with canned replies planted:
groups of 3, 6 and 20 random records get one of the replies below, each copy with small differences (a name, a date, a
number, case, spaces); and beside them what must stay: groups of 20 records with a label, a number, a yes, a one-line
result with other numbers; records of one instruction on many inputs with a verdict in a whole sentence; and the real
variants of one question with one answer of `covid_faq`. The replies were written before the stage was scored on them.
Rejected: planting the sample's own replies, by which the stage was built.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import itertools
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from corpora import CHINESE, ENGLISH, read
from relevance import rows_of as rows_of_trees

from pipeline.models import Models
from pipeline.pairs import expand
from pipeline.record import RECORD_SCHEMA, TEXT_COLUMNS, text_keys
from pipeline.stages.boilerplate import COLUMN, Boilerplate, BoilerplateParams
from pipeline.stages.protocol import Decision
from quality.statistics import wilson

FILES = {
    "alpaca": (ENGLISH,),
    "belle": tuple(name for name in CHINESE if name.startswith("belle")),
    "medicalgpt": (*CHINESE[:4],),
    "huatuo": tuple(name for name in CHINESE if name.startswith("huatuo")),
    "toyhom": tuple(name for name in CHINESE if name.startswith("toyhom")),
}
CORPORA = (
    "alpaca", "dolly", "gpteacher", "belle", "medicalgpt", "huatuo", "toyhom", "covid_faq", "oasst", "emollm",
    "kdconv", "crosswoz",
)  # fmt: skip
ENGLISH_CORPORA = ("alpaca", "dolly", "gpteacher", "covid_faq", "oasst")
SIZES = (3, 6, 20)
CANNED = {
    "en": (
        "Dear {name}, we have received your message of {date} and will get back to you within {n} hours.",
        "I'm sorry, but I don't have enough information about that. Please contact our customer service team.",
        "Hi {name}, thanks for reaching out! Your case number is {n}. One of our agents will be in touch shortly.",
        "That is a great question! There are many things to consider, and it really depends on your situation.",
        "We apologise for any inconvenience. Please send us a direct message so that we can look into this for you.",
        "Thank you for your feedback, {name}. We have passed it on to the responsible department.",
    ),
    "zh": (
        "{name}您好，您{date}的来信我们已经收到，工作人员将在{n}小时内与您联系，请耐心等待。",
        "很抱歉，这个问题我暂时无法回答，您可以拨打客服热线，我们的同事会尽快为您处理。",
        "亲爱的用户，您的反馈编号是{n}，我们会认真对待每一条意见，感谢您一直以来的支持！",
        "这是一个很好的问题，具体情况需要具体分析，建议您多方面了解之后再做决定。",
        "给您带来不便，我们深表歉意。请您私信留下联系方式，我们核实之后第一时间回复您。",
        "谢谢{name}的宝贵建议，我们已经转交给有关部门，后续有进展会再通知您。",
    ),
}
NAMES = {"en": ("Mr Smith", "Anna", "Ms Okafor", "Tom Lee"), "zh": ("王先生", "李女士", "陈老师", "欧阳先生")}
DATES = {"en": ("3 May", "12 June 2024", "Monday"), "zh": ("5月3日", "2024年6月12日", "周一")}
STAYS = {
    "en": (
        "positive",
        "Yes",
        "True",
        "4",
        "Yes, that is correct.",
        "The total cost comes to ${n} including tax.",
    ),
    "zh": ("正面", "是", "正确", "12", "对，没错。", "一共需要{n}元，含税。"),
}
VERDICT = {
    "en": (
        "Decide whether the following text is friendly.",
        "The text is friendly, so the right label is positive here.",
    ),
    "zh": ("判断下面这段文字的态度是否友好。", "这段文字的态度是友好的，因此应当标注为正面。"),
}
Row = tuple[str, str, str]


def rows_of(name: str, data: Path) -> list[Row]:
    """Return a corpus as instruction, input, output; each prompt and response once."""
    found = {
        "dolly": _dolly, "gpteacher": _gpteacher, "covid_faq": _covid, "oasst": _oasst, "emollm": _emollm,
        "kdconv": _kdconv, "crosswoz": _crosswoz,
    }  # fmt: skip
    rows = found[name](data) if name in found else _files(data, FILES[name])
    return list(dict.fromkeys(row for row in rows if row[2].strip() and (row[0] + row[1]).strip()))


def _files(data: Path, files: tuple[str, ...]) -> Iterator[Row]:
    for file in files:
        for prompt in read(data, file):
            yield prompt.instruction, prompt.input, prompt.output


def _dolly(data: Path) -> Iterator[Row]:
    for each in json.loads(gzip.decompress((data / "dolly_3k/dolly_3k.json.gz").read_bytes())):
        yield each["instruction"], each["input"], each["output"]


def _gpteacher(data: Path) -> Iterator[Row]:
    for path in sorted((data / "gpteacher").glob("*-instruct*.json.gz")):
        for each in json.loads(gzip.decompress(path.read_bytes())):
            yield each["instruction"], each.get("input", ""), each.get("response", each.get("output", ""))


def _covid(data: Path) -> Iterator[Row]:
    text = gzip.decompress((data / "covid_faq/faq_200327.tsv.gz").read_bytes()).decode("utf-8")
    for each in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"):
        yield each.get("question", ""), "", each.get("answer", "")


def _oasst(data: Path) -> Iterator[Row]:
    for row in rows_of_trees("oasst", data, 1 << 30):
        yield row.instruction, row.input, row.output


def _emollm(data: Path) -> Iterator[Row]:
    for path in sorted((data / "emollm_zh").glob("*.json.gz")):
        for each in json.loads(gzip.decompress(path.read_bytes())):
            for turn in each["conversation"]:
                yield turn["input"], "", turn["output"]


def _kdconv(data: Path) -> Iterator[Row]:
    for path in sorted((data / "kdconv_zh").glob("*.json*")):
        content = path.read_bytes()
        for each in json.loads(gzip.decompress(content) if path.suffix == ".gz" else content):
            turns = [turn["message"] for turn in each["messages"]]
            yield from ((asked, "", told) for asked, told in itertools.pairwise(turns))


def _crosswoz(data: Path) -> Iterator[Row]:
    with zipfile.ZipFile(data / "crosswoz_zh/val.json.zip") as archive:
        dialogues = json.loads(archive.read("val.json"))
    for each in dialogues.values():
        turns = [turn["content"] for turn in each["messages"]]
        yield from ((asked, "", told) for asked, told in zip(turns[::2], turns[1::2], strict=False))


def planted(rows: list[Row], language: str, seed: int) -> tuple[list[Row], dict[int, str]]:
    """Return the rows with canned replies and traps among them, and what each changed row became."""
    draw = random.Random(seed)
    changed, kind = list(rows), {}
    free = draw.sample(range(len(rows)), len(rows))
    for number, text in enumerate(CANNED[language]):
        size = SIZES[number % len(SIZES)]
        for row in (free.pop() for _ in range(size)):
            changed[row] = (*rows[row][:2], _varied(text, language, draw))
            kind[row] = f"canned, {size} copies"
    for text in STAYS[language]:
        for row in (free.pop() for _ in range(20)):
            changed[row] = (*rows[row][:2], text.format(n=draw.randint(10, 900)))
            kind[row] = "label, number or one-line result"
    for row in (free.pop() for _ in range(20)):
        asked, told = VERDICT[language]
        changed[row] = (asked, "\n".join(rows[row][:2]), told)
        kind[row] = "one task on many inputs"
    return changed, kind


def _varied(text: str, language: str, draw: random.Random) -> str:
    told = text.format(
        name=draw.choice(NAMES[language]), date=draw.choice(DATES[language]), n=draw.randint(2, 99_999)
    )
    how = draw.randrange(4)
    return (told, told.upper(), f"  {told.replace(' ', '  ')}\n", told.rstrip(".。！!"))[how]


def decided(rows: list[Row]) -> tuple[Decision, list[dict[str, Any]]]:
    """Run the stage on rows as the engine does."""
    stage, params, models = Boilerplate(), BoilerplateParams(), Models()
    blank = {"system": "", "history": []}
    named = [{**blank, **dict(zip(("instruction", "input", "output"), row, strict=True))} for row in rows]
    batch = pa.table(
        {
            name: pa.array([row[name] for row in named], RECORD_SCHEMA.field(name).type)
            for name in TEXT_COLUMNS
        }
    )
    facts = pa.table({"id": [f"{row:09d}" for row in range(len(rows))]})
    alone, bands = stage.measures(params)
    for column in (measured := stage.measure(alone, batch, None, models)).column_names:
        facts = facts.append_column(column, measured.column(column))
    keys = pa.array(text_keys(batch, bands.reads))
    texts = stage.measure(bands, batch, None, models).append_column("text_key", keys)
    texts = texts.filter(pc.is_valid(texts.column("bands")))
    first = np.unique(np.array(texts.column("text_key").to_pylist()), return_index=True)[1]
    texts = texts.take(pa.array(first))
    facts = facts.append_column("reply_bands_row", pc.index_in(keys, value_set=texts.column("text_key")))
    links, _ = stage.join(bands.name, texts, params)
    pairs, _ = expand({bands.name: links}, facts, stage.priority(facts, params), stage.neighbour_cap(params))
    if not pairs.num_rows:
        return stage.decide(facts, None, params), []
    compared = stage.compare(
        batch.take(pairs.column("left")), batch.take(pairs.column("right")), pairs, params, models
    )
    for column in compared.column_names:
        pairs = pairs.append_column(column, compared.column(column))
    decision = stage.decide(facts, pairs, params)
    return decision, decision.changes.table().to_pylist()


def show(rows: list[Row], decision: Decision, changes: list[dict[str, Any]], most: int) -> None:
    """Print the groups that were condemned, three prompts each."""
    groups: dict[str, list[int]] = {}
    for change in changes:
        groups.setdefault(json.loads(change["evidence"])["first_record"], []).append(int(change["id"]))
    for own in list(groups.values())[:most]:
        prompts = decision.columns.column(COLUMN)[own[0]].as_py() if decision.columns is not None else 0
        print(f"    {len(own)} records, {prompts} prompts: {rows[own[0]][2][:160]!r}")
        for row in own[:4]:
            print(f"        {' / '.join(rows[row][:2])[:110]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=CORPORA)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=50, help="most groups printed of a corpus as it is")
    arguments = parser.parse_args()
    totals: dict[str, list[int]] = {}
    for name in arguments.corpora:
        rows, language = rows_of(name, arguments.data), "en" if name in ENGLISH_CORPORA else "zh"
        decision, changes = decided(rows)
        equal = decision.notes["groups_of_equal_replies"]
        print(f"{name}: {len(rows)} records, {equal} groups share a reply, {len(changes)} records condemned")
        show(rows, decision, changes, arguments.show)
        changed, kind = planted(rows, language, arguments.seed)
        hit = {int(change["id"]) for change in decided(changed)[1]} - {
            int(change["id"]) for change in changes
        }
        for row, what in kind.items():
            found = totals.setdefault(what, [0, 0])
            found[0] += row in hit
            found[1] += 1
        beside = totals.setdefault("untouched record beside them", [0, 0])
        beside[0] += len(hit - kind.keys())
        beside[1] += len(rows) - len(kind)
    print("\n| planted | condemned | of | share |\n|---|---:|---:|---|")
    for what, (found_, of) in sorted(totals.items()):
        low, high = wilson(found_, of)
        print(f"| {what} | {found_} | {of} | {found_ / of:.3f} ({low:.3f}-{high:.3f}) |")


if __name__ == "__main__":
    main()
