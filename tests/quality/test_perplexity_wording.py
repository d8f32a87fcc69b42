"""What is wording, what excuses it, how hands fall on keys, and how a text ends by its form alone."""

from __future__ import annotations

import numpy as np
import pytest
from perplexity_corpus import answers, answers_zh, mashed, samples

from quality.perplexity import (
    REQUESTED,
    Plausibility,
    Scores,
    excuses,
    judge,
    learn,
    score,
    score_prompts,
    unended,
)
from quality.perplexity.counts import long_keys
from quality.perplexity.endings import unfinished
from quality.perplexity.symbols import block_of
from quality.perplexity.wording import wording

COUNTS = learn(samples(60, "en") + samples(60, "zh"))


def marked(text: str) -> tuple[str, str]:
    """Return the letters of plain words, and those of strange ones."""
    block = block_of([text], 0)
    return tuple("".join(np.array(list(text))[mask[1:-1]]) for mask in wording(block))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "plain", "strange"),
    [
        ("the river, and (later) it's", "theriverandlaterits", ""),
        ("Oslo NATO x9k a_b print(x) a.b user@host well-known", "wellknown", ""),
        ("the zqxv wind", "thezqxvwind", "zqxv"),
        ("河流经过城市", "河流经过城市", ""),
        ("河流 zqxv 鼋", "河流zqxv鼋", "zqxv鼋"),
        ("", "", ""),
    ],
)
def test_wording_is_plain_words(text: str, plain: str, strange: str) -> None:
    assert marked(text) == (plain, strange)


def prompts(*texts: str) -> Plausibility:
    """Return the numbers of prompts."""
    return score_prompts(texts, [0] * len(texts), COUNTS)


@pytest.mark.parametrize(
    ("text", "mash"),
    [
        ("asdf jkl; lkjasdf wer poiu zxcv", True),
        ("阿斯蒂芬哈桑的发送到发阿斯顿富国", True),
        ("Classify this person as extrovert or introvert.", False),
        ("糖尿病能不能吃西洋参片？", False),
        ("FR-20931 qwerty ASDF", False),
        ("https://example.com/asdfjkl", False),
    ],
)
def test_a_hand_on_the_keyboard_steps_to_neighbours(text: str, mash: bool) -> None:
    found = prompts(text, "?")
    sure = found.keyboard[0] > 0.6 and found.key_steps[0] >= 6
    assert bool(sure) is mash
    assert found.key_steps[1] == 0


def test_prompt_row_depends_on_its_record_alone() -> None:
    texts = [mashed(60), *answers(4), "", *answers_zh(3)]
    together, alone = prompts(*texts), prompts(texts[0])
    np.testing.assert_array_equal(together.window[:1], alone.window)
    np.testing.assert_array_equal(together.nats[:1], alone.nats)


def test_odd_wording_is_excused_by_request_and_language() -> None:
    french = "Le chat est sur la table et il dort dans la maison pendant que je lis un livre."
    texts = [mashed(80), mashed(80), french, answers(1)[0]]
    asked = ["Encode this with a Caesar cipher.", "Tell me a story.", "Tell me a story.", "Tell me a story."]
    assert excuses(asked, texts, prompts(*texts)) == [REQUESTED, "", "fr", ""]
    assert excuses(["把这句话加密。"], texts[:1], prompts(texts[0])) == [REQUESTED]


@pytest.mark.parametrize(
    ("text", "open_end", "dangling"),
    [
        ("Clean the bike. Then hang it up so that the tyres and the", True, True),
        ("Clean the bike. Then hang it up so that the tyres do not touch", True, False),
        ("Clean the bike.", False, False),
        ("of", False, False),
        ("Books:\n- Let it be\n- The Who", False, False),
        ("Read it here. It is at https://example.com/about", False, False),
        ("这个问题详见", False, True),
        ("电池充到一半取下来，放在 10 到", True, True),
        ("我们收到", False, False),
        ("我们计算这些数字的总和", True, False),
        ("雨下了一整夜。早上城里的街道都", True, False),
        ("谢谢您的来信。祝好，艾米丽", False, False),
    ],
)
def test_form_tells_an_end(text: str, open_end: bool, dangling: bool) -> None:
    found = unfinished(text)
    assert found[1] is dangling
    if not dangling:
        assert found[0] is open_end


def test_end_costs_by_how_many_others_end_so_and_how_many_are_known() -> None:
    cut = "It rained all night. In the morning the streets of the town were wet and"
    for count, costly in ((10, False), (200, True)):
        texts = [*answers(count), cut[:-4], "It is the"]
        scores: Scores = score([""] * len(texts), texts, [0] * len(texts), COUNTS)
        cost = unended(scores, np.zeros(len(texts), np.int64), np.ones(len(texts), np.bool_)).value
        assert bool(cost[-2] > 3) is costly and (cost[:count] == 0).all()


def test_long_keys_are_equal_where_symbols_are() -> None:
    symbols = block_of(["abcabcabcabcxabcabcabcabc"], 0).symbols
    for size in (1, 2, 7, 8, 12):
        keys = long_keys(symbols, size)
        for left in range(size - 1, len(symbols)):
            for right in range(left):
                same = right >= size - 1 and (
                    symbols[left - size + 1 : left + 1].tolist()
                    == symbols[right - size + 1 : right + 1].tolist()
                )
                if right >= size - 1:
                    assert (keys[left] == keys[right]) == same


def test_numbers_are_no_loop() -> None:
    table = "\n".join(f"row {n} holds {n * 37 % 1000} and {n * 91 % 1000} items" for n in range(100, 140))
    same = "row 1 holds 2 and 3 items\n" * 30
    found = score([""] * 2, [table, same], [0] * 2, COUNTS)
    assert found.repetition[0] < 0.7 < found.repetition[1]


def test_threads_alter_nothing() -> None:
    records = samples(120, "en") + samples(120, "zh")
    one, two = judge(records), judge(records, threads=2)
    for name in Scores.__slots__:
        np.testing.assert_array_equal(getattr(one.scores, name), getattr(two.scores, name))
    np.testing.assert_array_equal(one.badness, two.badness)
