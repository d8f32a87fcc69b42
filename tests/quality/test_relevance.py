"""Relevance: what a corpus teaches, who is judged by it, and what may not move a score."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from quality.relevance import (
    EVIDENCE,
    LEAST_RECORDS,
    Exchange,
    Vectors,
    exchange,
    fit,
    load,
    order_of,
    relevance,
    summarise,
)
from quality.relevance.logistic import fit_logistic
from quality.relevance.score import crosses

EN = {
    "apple": "fruit orchard juice", "python": "snake reptile scales", "piano": "keys concert music",
    "bridge": "river steel engineer", "bread": "flour oven yeast", "violin": "strings bow orchestra",
    "desert": "sand heat camel", "rocket": "launch orbit fuel", "castle": "walls king tower",
    "garden": "flowers soil seeds",
}  # fmt: skip
ZH = {
    "苹果": "水果果园果汁", "蟒蛇": "爬行动物鳞片", "钢琴": "琴键音乐会演奏", "大桥": "河流钢铁工程师",
    "面包": "面粉烤箱酵母",
    "小提琴": "琴弦琴弓乐团", "沙漠": "沙子炎热骆驼", "火箭": "发射轨道燃料", "城堡": "城墙国王塔楼",
    "花园": "鲜花土壤种子",
}  # fmt: skip


def corpus(language: str, count: int = 300) -> list[Exchange]:
    """Return records whose responses speak of what their prompts name, each in its own words."""
    words = EN if language == "en" else ZH
    names = list(words)
    found = []
    for number in range(count):
        name, other = names[number % 10], names[(number // 10) % 10]
        if language == "en":
            asked = f"Tell me about the {name} number {number} in town"
            told = f"The {name} has {words[name]} and number {number} is near a {other}."
        else:
            asked = f"请介绍镇上第{number}号的{name}"
            told = f"{name}有{words[name]}，第{number}号在{other}旁边。"
        found.append(exchange(asked, "", told))
    return found


def unknown(count: int) -> Vectors:
    blank = np.zeros((count, 1), np.float32)
    return Vectors(blank, blank, blank, np.zeros(count, bool))


def learnt(records: list[Exchange]) -> pa.Table:
    chosen = order_of(records)
    rows = np.array([row for _, row in chosen], np.int64)
    return fit([summarise(records, chosen, rows, unknown(len(rows)))])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_strangers_response_scores_below_the_own(language: str) -> None:
    records = corpus(language)
    fitted = load(learnt(records))
    own = relevance(records, unknown(300), fitted)
    swapped = [
        Exchange(a.request, "", b.response, a.fold)
        for a, b in zip(records, records[5:] + records[:5], strict=True)
    ]
    strange = relevance(swapped, unknown(300), fitted)
    assert (own.value[:, None] > strange.value[None, :]).mean() > 0.95
    assert set(own.group) == {"words"} and own.evidence.shape == (300, len(EVIDENCE))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_too_few_records_are_not_measured(language: str) -> None:
    records = corpus(language, LEAST_RECORDS - 1)
    found = relevance(records, unknown(len(records)), load(learnt(records)))
    assert np.isnan(found.value).all() and set(found.group) == {""}


def test_an_empty_response_a_document_and_a_translation_by_words_are_not_measured() -> None:
    records = corpus("en")
    odd = [
        exchange("Tell me about the apple", "", "  "),
        exchange("", "", "A document about apples."),
        exchange(
            "把下面的句子翻译成英文：我家旁边的苹果园里有很多水果。",
            "",
            "There is much fruit in the orchard beside my home.",
        ),
    ]
    found = relevance(odd, unknown(3), load(learnt(records)))
    assert np.isnan(found.value).all()


@pytest.mark.parametrize(
    ("prompt", "response", "expected"),
    [
        ("请介绍北京。", "Beijing is the capital of China.", True),
        ("Translate to Chinese: good morning my friend", "早上好，我的朋友，很高兴见到你。", True),
        ("请介绍北京。", "北京是中国的首都。", False),
        ("What is two plus two?", "Four.", False),
    ],
)
def test_scripts_that_words_cannot_bridge(prompt: str, response: str, expected: bool) -> None:
    assert crosses(prompt, response) is expected


@pytest.mark.parametrize(("language", "short"), [("en", "Yes."), ("zh", "是")])
def test_a_short_answer_is_not_condemned_for_being_short(language: str, short: str) -> None:
    records = corpus(language)
    fitted = load(learnt(records))
    asked = [exchange(one.request, "", short) for one in records[:50]]
    assert relevance(asked, unknown(50), fitted).value.min() > 0.05


def test_a_score_depends_neither_on_its_companions_nor_on_the_order_of_shards() -> None:
    records = corpus("en") + corpus("zh")
    halves = [records[:250], records[250:]]

    def shard(part: list[Exchange]) -> pa.Table:
        chosen = order_of(part)
        rows = np.array([row for _, row in chosen], np.int64)
        return summarise(part, chosen, rows, unknown(len(rows)))

    one, other = fit([shard(part) for part in halves]), fit([shard(part) for part in reversed(halves)])
    assert one.equals(other) and one.equals(learnt(records))
    fitted = load(one)
    together = relevance(records, unknown(600), fitted).value
    alone = np.concatenate([relevance([record], unknown(1), fitted).value for record in records[::37]])
    assert np.array_equal(together[::37], alone)


def test_vectors_are_used_where_they_are_known() -> None:
    records = corpus("en")
    draw = np.random.default_rng(3)
    topics = draw.normal(size=(300, 16))
    asked, told = (topics + draw.normal(scale=0.3, size=(300, 16)) for _ in range(2))
    asked, told = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (asked, told))
    vectors = Vectors(
        asked.astype(np.float32), asked.astype(np.float32), told.astype(np.float32), np.ones(300, bool)
    )
    chosen = order_of(records)
    rows = np.array([row for _, row in chosen], np.int64)
    fitted = load(fit([summarise(records, chosen, rows, vectors.take(rows))]))
    found = relevance(records, vectors, fitted)
    assert set(found.group) == {"vectors"}
    turned = Vectors(vectors.request, vectors.whole, np.roll(vectors.response, 7, axis=0), vectors.known)
    strange = relevance(records, turned, fitted)
    assert (found.value > strange.value).mean() > 0.9
    meaning = EVIDENCE.index("meaning")
    assert found.evidence[:, meaning].mean() > strange.evidence[:, meaning].mean()


def test_logistic_regression_finds_the_weights_that_made_the_data() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(20_000, 2))
    chance = 1 / (1 + np.exp(-(2 * rows[:, 0] - rows[:, 1] + 0.5)))
    truth = (draw.random(20_000) < chance).astype(np.float64)
    model = fit_logistic(rows, truth, np.ones(20_000))
    assert model.weights / model.spread == pytest.approx([2, -1], abs=0.12)
    assert model.log_odds(np.zeros((1, 2)))[0] == pytest.approx(0.5, abs=0.08)
