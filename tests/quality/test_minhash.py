"""Shingles, Jaccard and MinHash: equal to set arithmetic and for any order, fair to short and Chinese texts."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.minhash import (
    BANDS,
    PERMUTATIONS,
    ROWS,
    Shingles,
    band_keys,
    candidate_pairs,
    jaccard,
    jaccard_of,
    present,
    shingles,
    signatures,
)
from quality.tokens import CHUNK_CHARACTERS

TEXTS = st.text(alphabet=st.sampled_from(list("abc ABC.,!-+12 猫狗鱼，。カｶ😀\n\u200b")), max_size=40)


def runs(tokens: str, size: int) -> set[tuple[str, ...]]:
    """The shingles of a text, by hand: tokens apart by spaces."""
    words = tokens.split()
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)} or {tuple(words)}


def similarity(left: str, right: str, **sizes: int) -> float:
    return float(jaccard_of([left], [right], **sizes)[0])


def propose(texts: list[str], cap: int = 100) -> tuple[np.ndarray, int, Shingles]:
    sets = shingles(texts)
    keys = band_keys(signatures(sets), BANDS, ROWS)
    pairs, crowded = candidate_pairs(keys, present(sets), cap)
    return pairs, crowded, sets


@pytest.mark.parametrize(
    ("left", "right", "left_tokens", "right_tokens", "size"),
    [
        ("Boil the water, then add salt.", "Boil the water then add sugar!", "b w t a s x", "b w t a s y", 2),
        ("给我讲一个笑话", "给我讲一个故事。", "给 我 讲 一 个 笑 话", "给 我 讲 一 个 故 事", 3),
        ("猫を飼う", "猫を飼った", "猫 を 飼 う", "猫 を 飼 っ た", 3),
        ("ขอบคุณ", "ขอบใจ", "ข อ บ ค ุ ณ", "ข อ บ ใ จ", 3),
        ("고양이가 잔다 지금", "고양이가 잔다 이제", "a b c", "a b d", 2),
        ("Кот спит дома", "кот спит на окне", "k s d", "k s n o", 2),
    ],
)
def test_jaccard_is_that_of_the_sets_of_runs(
    left: str, right: str, left_tokens: str, right_tokens: str, size: int
) -> None:
    ours, theirs = runs(left_tokens, size), runs(right_tokens, size)
    assert similarity(left, right) == pytest.approx(len(ours & theirs) / len(ours | theirs))


def test_mixed_text_takes_words_and_characters_each_where_they_stand() -> None:
    # python(写 | 用 p 写 starts with a character: 3 | p 写 : a word: 2
    ours = shingles(["用 Python 写代码"])
    assert len(ours.values) == 3  # 用-python-写, python-写, 写-代-码
    assert similarity("用Python写代码", "用 python 写代码！") == 1.0


def test_case_width_punctuation_and_white_space_do_not_matter() -> None:
    same = [
        "Hello,   WORLD again!",
        "hello world again",
        "ＨＥＬＬＯ　ｗｏｒｌｄ again…",
        "“hello”—world\nagain",
        "hello\u200b world again",
    ]
    assert np.all(jaccard_of(same, [same[0]] * len(same)) == 1.0)
    assert similarity("ﾊﾞﾅﾅを食べる", "バナナを食べる") == 1.0
    assert similarity("Die Straße ist lang", "die STRASSE ist lang") == 1.0
    assert similarity("cafe\u0301 au lait", "café au lait") == 1.0
    assert similarity("well-known fact here", "well known fact here") == 1.0
    assert similarity("圆周率约为３．１４，不是－３", "圆周率约为3.14,不是 -3") == 1.0
    assert similarity("pages 3–5 − 1", "pages 3-5 - 1") == 1.0
    assert similarity("* **Boil** the water\n* Add salt", "Boil the water. Add salt.") == 1.0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a+b", "a-b"), ("1.5", "15"), ("a*b", "a/b"), ("x - y", "x + y"), ("10²", "102"), ("C#", "C"), ("C++", "C"),
        ("-5", "5"), ("x = -5", "x = 5"), ("5%", "5"), ("1/2", "1-2"), ("a < b", "a > b"), ("😀😀😀", "😢😢😢"),
        ("good 👍", "good 👎"), ("?!", "!?"), ("???", "..."), ("你好", "您好"), ("√2", "2"), ("$5", "€5"),
    ],
)  # fmt: skip
def test_what_means_something_else_is_not_the_same_text(left: str, right: str) -> None:
    assert similarity(left, right) < 1.0


def test_short_texts_equal_only_themselves() -> None:
    texts = ["Hi", "Ho", "Yes", "No", "是", "否", "你好", "再见", "🙂", "?", "1", "2", "", "  \n"]
    for one, other in combinations(texts[:-2], 2):
        assert similarity(one, other) == 0.0, (one, other)
    assert similarity("Hi", "hi!") == similarity("你好", "你好。") == similarity("? ", " ?") == 1.0


def test_a_blank_text_has_no_set_and_is_in_no_pair() -> None:
    texts = ["", " \n\t", "\u200b", "Name three rivers of Europe", "name three rivers of europe.", ""]
    pairs, crowded, sets = propose(texts)
    assert present(sets).tolist() == [False, False, False, True, True, False]
    assert pairs.tolist() == [[3, 4]] and crowded == 0
    assert similarity("", "") == 0.0


def test_chinese_texts_keep_apart_and_find_their_twins() -> None:
    texts = [f"请介绍一下{city}的历史和主要的旅游景点" for city in ("北京", "上海", "广州")]
    texts += ["怎样在家里做番茄炒蛋？需要哪些材料", "怎样在家里做番茄炒蛋?需要哪些材料呢"]
    pairs, _, sets = propose(texts)
    found = {
        tuple(pair): round(float(j), 3)
        for pair, j in zip(pairs.tolist(), jaccard(sets, *pairs.T), strict=True)
    }
    assert found[(3, 4)] == round(14 / 15, 3)
    # 18 characters: 16 runs of three, of which four hold the city's name
    assert similarity(texts[0], texts[1]) == pytest.approx(12 / 20)


def test_lone_surrogates_and_the_last_code_point_are_texts_like_others() -> None:
    texts = ["\ud800 broken half", "\ud800 broken half", "\U0010ffff and \ue000", ""]
    pairs, _, _ = propose(texts)
    assert [0, 1] in pairs.tolist()
    assert present(shingles(texts)).tolist() == [True, True, True, False]


@given(st.lists(TEXTS, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_jaccard_equals_set_arithmetic_and_a_set_depends_on_its_text_alone(
    texts: list[str], rng: object
) -> None:
    together = shingles(texts)
    sets = []
    for row, text in enumerate(texts):
        own = together.values[together.offsets[row] : together.offsets[row + 1]]
        assert np.array_equal(own, shingles([text]).values)
        assert np.array_equal(own, np.unique(own))
        sets.append(set(own.tolist()))
    pairs = [(one, other) for one in range(len(texts)) for other in range(len(texts))]
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    expected = [len(sets[a] & sets[b]) / max(1, len(sets[a] | sets[b])) for a, b in pairs]
    assert jaccard(together, left, right).tolist() == pytest.approx(expected)


@given(st.lists(TEXTS, min_size=2, max_size=30), st.randoms(use_true_random=False), st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_pairs_of_texts_do_not_depend_on_their_order(texts: list[str], rng: object, cap: int) -> None:
    order = list(range(len(texts)))
    rng.shuffle(order)  # type: ignore[attr-defined]

    def told(given: list[str]) -> tuple[list[list[bytes]], int]:
        pairs, crowded, sets = propose(given, cap)
        content = [
            sets.values[a:b].tobytes() for a, b in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)
        ]
        assert np.all(pairs[:, 0] < pairs[:, 1])
        assert np.array_equal(pairs, np.unique(pairs, axis=0))
        return sorted({tuple(sorted((content[a], content[b]))) for a, b in pairs.tolist()}), crowded

    assert told(texts) == told([texts[at] for at in order])


def test_texts_of_many_chunks_have_the_sets_they_have_alone() -> None:
    texts = [
        f"record {number} 讲的是第 {number % 7} 件事" + " and more" * (number % 40) for number in range(900)
    ]
    texts[400] = "one long text, 很长 " * (CHUNK_CHARACTERS // 10)
    assert sum(map(len, texts)) > 3 * CHUNK_CHARACTERS
    together = shingles(texts)
    for row in (0, 399, 400, 401, 650, 899):
        own = together.values[together.offsets[row] : together.offsets[row + 1]]
        assert np.array_equal(own, shingles([texts[row]]).values)
    tiny = shingles(["a", ""] * 40_000)
    assert len(tiny.values) == 40_000 and len(set(tiny.values.tolist())) == 1


def test_a_signature_estimates_jaccard_with_the_variance_of_independent_permutations() -> None:
    rng = np.random.default_rng(3)
    size, shared = 30, 20
    rows = 400
    values = rng.integers(0, 2**64, size=(rows, 2 * size - shared), dtype=np.uint64)
    left, right = np.sort(values[:, :size]), np.sort(values[:, size - shared :])
    flat = np.concatenate([left, right]).ravel()
    sets = Shingles(flat, np.arange(2 * rows + 1, dtype=np.int64) * size)
    found = signatures(sets)
    agreed = (found[:rows] == found[rows:]).mean(axis=1)
    truth = shared / (2 * size - shared)
    assert agreed.mean() == pytest.approx(truth, abs=0.006)
    assert agreed.std() == pytest.approx((truth * (1 - truth) / PERMUTATIONS) ** 0.5, rel=0.12)


def test_a_signature_is_the_minimum_over_all_shingles_of_a_long_text() -> None:
    words = " ".join(f"w{number}" for number in range(1500))
    sets = shingles([words, "a b c", words + " end"])
    found = signatures(sets, 16)
    halves = Shingles(sets.values, np.array([0, 700, int(sets.offsets[1])], dtype=np.int64))
    assert np.array_equal(found[0], signatures(halves, 16).min(axis=0))
    assert np.array_equal(found[1], signatures(shingles(["a b c"]), 16)[0])
    assert (found[0] == found[2]).mean() > 0.9


def test_bands_find_similar_pairs_and_leave_unlike_ones() -> None:
    base = [" ".join(f"t{text}x{word}" for word in range(21)) for text in range(300)]
    changed = [text.replace("x10", "y10").replace("x15", "y15") for text in base]
    pairs, crowded, sets = propose(base + changed)
    found = {tuple(pair) for pair in pairs.tolist()}
    assert all((at, at + 300) in found for at in range(300))  # J = 16 / 24
    assert len(found) < 330 and crowded == 0
    assert np.all(jaccard(sets, np.arange(300), np.arange(300, 600)) == 16 / 24)


def test_band_keys_say_how_many_permutations_they_need() -> None:
    with pytest.raises(ValueError, match="12 permutations, not 8"):
        band_keys(np.zeros((1, 8), dtype=np.uint32), bands=3, rows=4)


def test_a_hot_block_is_thinned_and_counted() -> None:
    texts = ["the same words again and again"] * 50 + ["something else entirely here now"] * 2
    every, none, _ = propose(texts, cap=100)
    assert len(every) == 50 * 49 // 2 + 1 and none == 0
    thinned, crowded, _ = propose(texts, cap=5)
    assert crowded == 50
    assert len(thinned) == 46 * 4 + 3 + 2 + 1 + 1


def test_golden_values_are_the_same_in_every_process_and_release() -> None:
    sets = shingles(["Name three rivers", "写一首诗"])
    assert [hex(value) for value in sets.values.tolist()] == GOLDEN_SHINGLES
    assert signatures(sets, 2).tolist() == GOLDEN_SIGNATURES


def test_a_long_text_takes_time_in_proportion() -> None:
    def seconds(text: str) -> float:
        start = time.process_time()
        signatures(shingles([text]))
        return time.process_time() - start

    line = "some words of 中文 text, number %d; "
    short = "".join(line % number for number in range(8_000))
    seconds(short)
    assert len(short) > CHUNK_CHARACTERS
    assert seconds(short * 4) < 12 * min(seconds(short) for _ in range(3))
    assert seconds("a" * 1_000_000) < 2 and seconds("猫" * 1_000_000) < 5


def test_pairs_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 left texts, 1 right"):
        jaccard_of(["a", "b"], ["a"])


GOLDEN_SHINGLES = ["0x2a92f2c9d0d01df", "0x90a27f0be477682b", "0xb2e8423ac33f4a1c", "0xc3ddf595b4d3df65"]
GOLDEN_SIGNATURES = [[3978765099, 2500760227], [249892213, 1038494090]]
