"""Words that only look like names or addresses, from texts that people read beside their source."""

from __future__ import annotations

import pytest

from quality.pii import find

NOTHING = [
    "What is the difference between the Netherlands and Holland?",
    'D: `"NaN"`',
    "He returned NaN.",
    "Die Symptome dauern 14 Tage und die Lage ist nicht ernst, weil das Fieber von selbst sinkt.",
    "In Italia il Ministero della Salute ha detto che la situazione non è grave.",
    "Om du har feber är det inte bra att gå till arbetet.",
    "Considering 16 of them were left, she was glad.",
    "He ran 70 km. How far is it from here?",
    "Offering 5 of them is enough.",
    "这取决于许多因素。",
    "单克隆抗体和他莫昔芬都是药物。",
    "阿尔巴尼亚的首都在哪里？",
    "麦克风坏了。",
    "照度为10勒克斯。",
]
NAMES = [
    ("Hola, me llamo Juan García y vivo en el centro.", "Juan García"),
    ("Mein Name ist Thomas Müller und ich bin der Kunde.", "Thomas Müller"),
    ("Tom Holland was late again.", "Tom Holland"),
    ("麦克说他来了。", "麦克"),
]


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_personal_is_found(text: str) -> None:
    assert find(text, {"name", "address"}) == []


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_a_name_is_found_beside_them(text: str, name: str) -> None:
    assert [text[span.start : span.end] for span in find(text, {"name"})] == [name]
