"""Perplexity by n-grams in folds: a model that never saw the text, what it finds unusual, and what it leaves alone."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest
from perplexity_corpus import answers, answers_zh, mashed, samples, shuffled

from quality.perplexity import (
    Judged,
    Sample,
    Scores,
    background,
    fit,
    fold_of,
    judge,
    learn,
    load,
    score,
    summarise,
)
from quality.perplexity.counts import MAX_FOLDS, gram_keys
from quality.perplexity.ngrams import costs
from quality.perplexity.symbols import END, START, block_of, blocks

CLEAN = samples(150, "en") + samples(220, "zh")
ODD = "Write a few sentences."


def judged(*texts: str, lang: str = "en") -> Judged:
    """Return what is said of texts put into the clean corpus: the last rows are theirs."""
    return judge([*CLEAN, *(Sample(ODD, text, lang, f"odd{n}") for n, text in enumerate(texts))])


def test_probabilities_of_all_next_characters_sum_to_one() -> None:
    texts = answers(40, seed=9)
    counts = load(fit([summarise(texts, [0, 1] * 20)], 5))
    seen = sorted({point for block in blocks(texts) for point in block.symbols.tolist()})
    for context in (texts[0][:60], "", "the zq"):
        block = block_of([f"{context}{chr(point)}" for point in seen if point > END], 0)
        cost, _ = costs(block, np.full(len(block.symbols), 4), counts)
        known = float(np.exp(-cost[block.starts[1:] - 2].astype(np.float64)).sum())
        ending = block_of([context], 0)
        cost, _ = costs(ending, np.full(len(ending.symbols), 4), counts)
        assert (
            0.7 < known + float(np.exp(-cost[-1])) < 1.0001
        )  # the rest is for what was never seen, and START


def test_no_text_is_scored_by_a_model_that_saw_it_or_its_twin() -> None:
    secret = "Xylographic quokkas juggle wombat vellum quietly."
    other = [each for each in CLEAN if fold_of(each.cluster, 5) != fold_of("twin", 5)]
    alone = judge([*other, Sample(ODD, secret, "en", "twin")])
    twins = judge([*other, *[Sample(ODD, secret, "en", "twin")] * 5])
    assert twins.scores.nats[-1] == pytest.approx(alone.scores.nats[-1], rel=1e-6)
    strangers = judge([*other, *(Sample(ODD, secret, "en", f"stranger{n}") for n in range(5))])
    assert strangers.scores.nats[-1] < 0.5 * alone.scores.nats[-1]


def test_counts_without_a_fold_are_those_of_the_others() -> None:
    texts = answers(40, seed=3)
    folds = [n % 5 for n in range(40)]
    counts = load(fit([summarise(texts, folds)], 5))
    others = [texts[n].lower() for n in range(40) if folds[n] != 2]
    block = block_of([texts[2]], 0)
    for n, keys in enumerate(gram_keys(block, 6), start=1):
        found = counts.look_up(keys, np.full(len(keys), 2))
        for at in range(n, len(keys) - 1):
            gram = "".join(map(chr, block.symbols[at - n + 1 : at + 1]))
            assert found[at] == sum(
                text.startswith(gram, place) for text in others for place in range(len(text))
            )


def test_summaries_merge_in_any_order_and_any_cut() -> None:
    texts, folds = answers(50) + answers_zh(50), [n % 5 for n in range(100)]
    whole = fit([summarise(texts, folds)])
    parts = [summarise(texts[at : at + 17], folds[at : at + 17]) for at in range(0, 100, 17)]
    assert fit(parts).equals(whole) and fit(parts[::-1]).equals(whole)


def test_row_depends_on_its_record_alone() -> None:
    counts = learn(CLEAN)
    texts = [*answers(5, seed=7), "", "a", mashed(90), *answers_zh(5, seed=7)]
    prompts = ["Write.", "", "x", "问题", "", "", "a", *texts[:6]]
    folds = [n % 5 for n in range(len(texts))]
    together = score(prompts, texts, folds, counts, threads=2)
    order = np.random.default_rng(1).permutation(len(texts))
    moved = score(*([values[n] for n in order] for values in (prompts, texts, folds)), counts)
    for field in fields(Scores):
        np.testing.assert_array_equal(getattr(together, field.name)[order], getattr(moved, field.name))


def test_gibberish_is_far_from_usual_in_both_languages() -> None:
    english = judged(mashed(200), "".join(shuffled(list(answers(1, seed=5)[0]))))
    assert (english.far["disorder"][-2:] > 8).all()
    chinese = judged("".join(shuffled(list(answers_zh(1, seed=5)[0]))), lang="zh")
    assert chinese.far["disorder"][-1] > 8
    assert chinese.badness[-1] > np.nanmax(chinese.badness[: len(CLEAN)])


def test_latin_mash_among_chinese_is_worse_than_chinese_though_it_costs_less() -> None:
    latin = mashed(150)
    scores = score([""] * 2, [latin, "".join(shuffled(list(answers_zh(1, seed=5)[0])))], [0, 0], learn(CLEAN))
    assert scores.nats[0] < scores.nats[1]
    good = score([""], answers_zh(1, seed=6), [0], learn(CLEAN))
    assert scores.nats[0] / scores.alone[0] > 1 > 2 * good.nats[0] / good.alone[0]


def test_shuffled_words_are_told_by_their_order() -> None:
    found = judged(" ".join(shuffled(answers(1, seed=5)[0].split())))
    assert found.far["word_disorder"][-1] > 4
    assert found.scores.word_nats[-1] > np.nanmax((found.scores.word_nats)[:150])


def test_stretch_of_gibberish_is_found_where_it_stands() -> None:
    text = answers(1, seed=5)[0]
    found = judged(text[:80] + mashed(40) + text[80:])
    start, stop = found.scores.window_start[-1], found.scores.window_stop[-1]
    assert found.far["stretch"][-1] > 4
    assert 70 <= start < stop <= 130 and stop - start == 24


def test_text_that_is_cut_off_ends_where_none_ends() -> None:
    text, zh = answers(1, seed=5)[0], answers_zh(1, seed=5)[0]
    found = judged(text, text[: len(text) - 12])
    assert found.scores.end[-2] < 2 < 5 < found.scores.end[-1]
    chinese = judged(zh, zh[:-4], lang="zh")
    assert chinese.scores.end[-2] < 3 < 5 < chinese.scores.end[-1]


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("It rained all night. In the morning the streets of the town were", True),
        ("It rained all night.\nIn the morning the streets of the town were", True),
        ("A report\n\nIt rained all night. In the morning the streets were", True),
        ("1. It rained all night.\n2. In the morning the streets of the town were", True),
        ("雨下了一整夜。\n早上城里的街道都", True),
        ("Some books are:\n1. Dune by Frank Herbert\n2. The Hobbit by J.R.R. Tolkien", False),
        ("1. Better sleep 2. Less stress 3. More strength 10. Improved concentration", False),
        ("Shop online and skip the hassle! We deliver to your door. #Shop #NoTraffic", False),
        ('"Life is an adventure. It is not a package tour." ― Eckhart Tolle', False),
        ("书单：\n1. 红楼梦\n2. 三国演义和水浒传", False),
        ("#word", False),
    ],
)
def test_only_prose_can_be_cut_off(text: str, prose: bool) -> None:
    together = score([""] * 3, ["#tag", text, "It is. So"], [0] * 3, load(fit([summarise([text], [0])], 5)))
    assert together.last_line[1] == (len(text.rsplit("\n", 1)[-1]) if prose else 0)
    assert together.last_line[0] == 0


@pytest.mark.parametrize(
    "phrase", ["and then he said that he would come again, ", "然后他又说他明天一定会再来的，"]
)
def test_loop_repeats_itself(phrase: str) -> None:
    found = judged(phrase * 6, answers(1, seed=5)[0])
    assert found.scores.repetition[-2] > 0.75 > 0.3 > found.scores.repetition[-1]


def test_boilerplate_is_expected() -> None:
    same = "Thank you very much for your question, we will answer it as soon as we can."
    once = judged(same)
    often = judge([*CLEAN, *(Sample(ODD, same, "en", f"same{n}") for n in range(30))])
    assert often.perplexity[-1] < 0.3 * once.perplexity[-1]
    assert often.far["familiarity"][-1] > once.far["familiarity"][-1] + 5


def test_prompt_makes_its_answer_likelier() -> None:
    text = answers(1, seed=5)[0]
    own, other = (judge([*CLEAN, Sample(prompt, text, "en", "x")]).ifd[-1] for prompt in (text, "Zzyzx 12?"))
    assert own < 0.85 < other <= 1.001


def test_short_text_is_unsure() -> None:
    found = judged("Zq xv!", mashed(300))
    assert found.scores.error[-2] > 3 * found.scores.error[-1]
    assert found.far["disorder"][-2] < found.far["disorder"][-1]


def test_what_is_too_little_is_not_measured() -> None:
    single = judge([Sample("Hello", "How are you?", "en")])
    assert np.isnan(single.badness).all() and np.isnan(single.perplexity).all()
    found = judged("La maison est au bord de la rivière.", lang="fr")
    assert np.isnan(found.badness[-1]) and np.isfinite(found.badness[:-1]).all()
    assert np.isnan(judged("").perplexity[-1])


def test_clean_corpus_has_nothing_far() -> None:
    found = judge(CLEAN)
    for name in ("disorder", "misfit", "nats", "stretch", "word_disorder"):
        assert np.nanmax(found.far[name]) < 5, name


def test_hostile_texts_are_scored() -> None:
    texts = ["\ud800 lone", "\x00\x01", "𠮷" * 40, "a" * 5000, "\n\n", "🙂" * 9, "ا" * 30, "\u0301" * 5]
    found = judged(*texts)
    assert np.isfinite(found.scores.nats[-len(texts) :]).all()


def test_blocks_hold_every_text_once() -> None:
    texts = ["x" * 70_000, "", "yz", "w" * 3]
    found = list(blocks(texts))
    assert [block.first for block in found] == [0, 1]
    joined = "".join(chr(point) for block in found for point in block.symbols)
    assert joined == "".join(f"{chr(START)}{text}{chr(END)}" for text in texts)


def test_keys_tell_n_grams_apart() -> None:
    block = block_of([*answers(40), *answers_zh(40)], 0)
    for n, keys in enumerate(gram_keys(block, 6), start=1):
        symbols = [tuple(block.symbols[at - n + 1 : at + 1]) for at in range(n - 1, len(keys))]
        assert len(set(keys[n - 1 :].tolist())) == len(set(symbols))


def test_background_is_in_no_fold_of_a_record() -> None:
    folds = background().column("key").to_numpy() & np.uint64(MAX_FOLDS - 1)
    assert set(folds.tolist()) == {MAX_FOLDS - 1}
    assert isinstance(fit([background()]), pa.Table)
