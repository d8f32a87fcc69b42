"""The lexical embedder: pure in text and fit, unit vectors, near the exact TF-IDF cosine, rare words weigh most."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.lexical import DIMENSION, embed, fit, summarise

CITIES = ["北京", "上海", "广州", "成都", "西安", "杭州"]
CORPUS = [f"请介绍一下{city}的历史" for city in CITIES] + [f"怎样从{city}坐火车去海边" for city in CITIES]
CORPUS += [f"Name the {thing} of the river" for thing in ("length", "source", "colour", "fish")]
TEXTS = st.text(alphabet=st.sampled_from(list("ab ,?1猫狗鱼，😀\n")), max_size=30)


def cosine(left: str, right: str, fitted: pa.Table, dimension: int = DIMENSION) -> float:
    vectors = embed([left, right], fitted, dimension).astype(np.float64)
    return float(vectors[0] @ vectors[1])


def grams(text: str) -> Counter[str]:
    """The features of a text of Chinese characters, by hand."""
    return Counter(text[at : at + n] for n in (1, 2, 3) for at in range(len(text) - n + 1))


def exact_cosine(left: str, right: str, shown: Counter[str], texts: int) -> float:
    """TF-IDF cosine from dicts, no hashing."""

    def vector(text: str) -> dict[str, float]:
        return {
            gram: (1 + math.log(n)) * math.log(1 + (texts + 1) / max(1, shown[gram]))
            for gram, n in grams(text).items()
        }

    ours, theirs = vector(left), vector(right)
    product = sum(weight * theirs.get(gram, 0.0) for gram, weight in ours.items())
    return product / math.hypot(*ours.values()) / math.hypot(*theirs.values())


def test_cosine_is_that_of_exact_tf_idf() -> None:
    rng = random.Random(4)
    alphabet = [chr(0x4E00 + number) for number in range(400)]
    corpus = ["".join(rng.sample(alphabet, 24)) for _ in range(200)]
    changed = [text[:at] + rng.choice(alphabet) + text[at + 1 :] for text in corpus for at in (0, 7, 15)]
    fitted = fit([summarise(corpus)])
    ours, theirs = embed([text for text in corpus for _ in range(3)], fitted), embed(changed, fitted)
    shown = Counter(gram for text in corpus for gram in grams(text))
    exact = [exact_cosine(corpus[at // 3], text, shown, len(corpus)) for at, text in enumerate(changed)]
    errors = np.abs(np.einsum("ij,ij->i", ours, theirs) - exact)
    assert np.median(exact) > 0.8
    assert np.quantile(errors, 0.99) < 0.03
    assert cosine(corpus[0], changed[0], fitted, 1 << 16) == pytest.approx(exact[0], abs=0.005)


def test_what_is_rare_in_the_corpus_weighs_more_than_its_template() -> None:
    fitted = fit([summarise(CORPUS)])
    same_city = cosine("请介绍一下北京的历史", "怎样从北京坐火车去海边", fitted)
    flat = fit([])
    assert cosine(CORPUS[0], CORPUS[1], fitted) < cosine(CORPUS[0], CORPUS[1], flat)
    assert same_city > cosine("请介绍一下北京的历史", "怎样从上海坐火车去海边", fitted)


def test_case_width_and_punctuation_do_not_matter() -> None:
    fitted = fit([summarise(CORPUS)])
    assert cosine("Name the LENGTH, of the river!", "ｎame the length of the river", fitted) == pytest.approx(
        1.0
    )
    assert cosine("请介绍一下，北京的历史。", "请介绍一下北京的历史", fitted) == pytest.approx(1.0)
    assert cosine("a+b 是多少", "a-b 是多少", fitted) < 0.95


def test_vectors_have_unit_length_and_a_blank_text_has_zeros() -> None:
    vectors = embed(["猫", "", "a river", " \n", "?!", "😀", "\ud800"], fit([summarise(CORPUS)]), 64)
    assert vectors.dtype == np.float32 and vectors.shape == (7, 64)
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 0, 1, 0, 1, 1, 1])
    assert embed([], fit([]), 64).shape == (0, 64)


def test_unseen_features_weigh_as_much_as_the_rarest() -> None:
    table = fit([summarise(CORPUS)]).to_pydict()
    weights = dict(zip(table["feature"], table["weight"], strict=True))
    assert weights[0] == max(weights.values()) == pytest.approx(math.log(1 + 17 / 1))
    assert min(weights.values()) == pytest.approx(math.log(1 + 17 / 7))  # 海 stands in seven texts of sixteen


def test_a_fit_holds_at_most_so_many_features_and_the_rest_count_as_the_commonest_left_out() -> None:
    partial = summarise(CORPUS)
    everything, small = fit([partial]), fit([partial], limit=30)
    assert 1 < small.num_rows <= 31 < everything.num_rows
    held = set(small.column("feature").to_pylist()) - {0}
    shown = dict(zip(*(partial.column(name).to_pylist() for name in ("feature", "documents")), strict=True))
    left_out = max(count for feature, count in shown.items() if feature and feature not in held)
    assert min(shown[feature] for feature in held) > left_out
    assert small.column("weight")[0].as_py() == pytest.approx(math.log(1 + 17 / left_out))


@given(st.lists(TEXTS, max_size=12), st.integers(0, 12), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_summaries_of_shards_merge_to_that_of_the_whole_in_any_order(
    texts: list[str], cut: int, rng: object
) -> None:
    order = list(range(len(texts)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    shuffled = [texts[at] for at in order]
    whole = fit([summarise(texts)])
    assert fit([summarise(shuffled[cut:]), summarise(shuffled[:cut])]).equals(whole)
    alone = [embed([text], whole, 32)[0] for text in texts]
    together = embed(texts, whole, 32)
    assert all(np.array_equal(one, row) for one, row in zip(alone, together, strict=True))


def test_summary_counts_texts_not_occurrences() -> None:
    table = summarise(["猫 猫 猫", "猫", "", "dog dog"]).to_pydict()
    shown = dict(zip(table["feature"], table["documents"], strict=True))
    assert shown.pop(0) == 3
    assert sorted(shown.values()) == [1] * 4 + [2]  # 猫猫, 猫猫猫, dog, dog dog; 猫


def test_a_fit_survives_parquet_and_many_chunks(tmp_path: object) -> None:
    import pyarrow.parquet as pq

    fitted = fit([summarise(CORPUS)])
    pq.write_table(fitted, f"{tmp_path}/fit.parquet", row_group_size=7)
    again = pq.read_table(f"{tmp_path}/fit.parquet")
    assert np.array_equal(embed(CORPUS, again, 64), embed(CORPUS, fitted, 64))


def test_golden_vector_is_the_same_in_every_process_and_release() -> None:
    vector = embed(["写一首关于猫的诗 in English"], fit([summarise(CORPUS)]), 8)[0]
    assert vector.tolist() == pytest.approx(GOLDEN, abs=1e-6)


GOLDEN = [-0.008987, -0.375077, -0.128021, -0.393051, 0.640107, -0.256043, -0.256043, -0.384064]
