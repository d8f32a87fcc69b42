"""Where a text may be cut, when no cut is worth making, and what spares counting tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.normalise import cut_points, cut_to, has_tokens


class TestCut:
    def test_a_text_may_end_after_a_sentence_or_line_but_not_after_a_title(self) -> None:
        text = "Dr. Lee came. He sat.\nThen 3.5 hours passed! Fine"
        assert [text[:point] for point in cut_points(text)] == [
            "Dr. Lee came.",
            "Dr. Lee came. He sat.",
            "Dr. Lee came. He sat.\nThen 3.5 hours passed!",
        ]

    def test_chinese_sentences_end_at_their_own_marks(self) -> None:
        text = "他来了。“坐吧！”她说：好；然后"
        assert [text[:point] for point in cut_points(text)] == [
            "他来了。",
            "他来了。“坐吧！”",
            "他来了。“坐吧！”她说：好；",
        ]

    def test_no_text_ends_within_a_code_fence(self) -> None:
        text = "Run.\n```\na = 1\nb = 2\n```\nDone. Good."
        ends = [text[:point] for point in cut_points(text)]
        assert ends == ["Run.", "Run.\n```\na = 1\nb = 2\n```", "Run.\n```\na = 1\nb = 2\n```\nDone."]

    @pytest.mark.parametrize(
        ("room", "kept"), [(100, "甲。乙。丙。"), (5, "甲。乙。"), (2, "甲。"), (1, None)]
    )
    def test_the_longest_beginning_that_fits_is_kept(self, room: int, kept: str | None) -> None:
        assert cut_to("甲。乙。丙。丁", lambda text: len(text) <= room) == kept

    @pytest.mark.parametrize(
        "text", ["Yes. " + "And so on " * 22, "当然。" + "然后继续说下去，" * 28, "Sure!\n" + "x" * 218]
    )
    def test_no_cut_is_made_that_would_leave_only_a_greeting(self, text: str) -> None:
        assert cut_points(text)
        assert cut_to(text, lambda beginning: len(beginning) <= 200) is None

    @pytest.mark.parametrize(("room", "kept"), [(8, "甲乙丙。"), (9, None)])
    def test_half_of_what_is_allowed_is_enough(self, room: int, kept: str | None) -> None:
        text = "甲乙丙。" + "丁" * 20
        assert cut_to(text, lambda beginning: len(beginning) <= room) == kept

    def test_what_is_allowed_is_never_more_than_the_text(self) -> None:
        assert cut_to("甲。乙丙", lambda text: True) == "甲。"
        assert cut_to("甲。乙丙丁", lambda text: True) is None

    @given(st.text("ab甲。.!\n ", max_size=60), st.integers(0, 60))
    def test_a_cut_text_is_a_beginning_that_fits_and_fills_half_of_the_room(
        self, text: str, room: int
    ) -> None:
        kept = cut_to(text, lambda beginning: len(beginning) <= room)
        if kept is None:
            longest = max((len(text[:p].rstrip()) for p in cut_points(text) if p <= room), default=0)
            assert 2 * longest < max(1, min(room, len(text)))
        else:
            assert text.startswith(kept)
            assert min(room, len(text)) <= 2 * len(kept) <= 2 * room


def test_words_are_counted_only_as_far_as_needed() -> None:
    assert has_tokens(["", "one two"], 2)
    assert not has_tokens(["", "one two"], 3)
    assert not has_tokens(["…", " \n"], 1)
    assert has_tokens([], 0)
