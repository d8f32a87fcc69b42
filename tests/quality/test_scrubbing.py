"""What stands where personal data stood: surrogates that harm nobody, and a loop that ends where a second one finds
nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from itertools import pairwise

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.lookalike.words import known_words
from quality.pii import KINDS, Span
from quality.scrub import (
    Manner,
    PatternError,
    Policy,
    Shown,
    compiled,
    denied_spans,
    pattern_spans,
    scrub,
    surrogate,
    tag,
)
from quality.scrub.surrogates import HAVE_SURROGATES, surrogates_in
from quality.scrub.words import _lexicon

KEY = b"a key of thirty-two bytes or so."

VALUES = {
    "email": ["jo.fenwick@firm.test", "王伟@公司.cn"],
    "phone": [
        "13812345678", "+86 138 1234 5678", "(212) 867-5309", "+1 212 867 5309", "020 7123 4567", "+44 7911 123456",
        "010-67586489", "0571-88888888", "400-820-8820", "95588", "867-5309", "+49 30 1234567", "23456789",
        "13812345678转12",
    ],
    "name": ["Jo Fenwick", "Jo", "J. R. Fenwick", "O'Neil-Smith", "王伟", "欧阳修文", "小李", "王",
             "约翰·史密斯", "Анна"],
    "address": ["12 High Street, Springfield", "北京市海淀区中关村大街27号"],
    "cn_id": ["11010519491231002X", "110105491231002"],
    "passport": ["E12345678"],
    "credit_code": ["91110000100000000X"],
    "bank_card": ["4111 1111 1111 1111", "6222021234567890123", "12345678"],
    "iban": ["DE89 3704 0044 0532 0130 00"],
    "ssn": ["123-45-6789"],
    "licence": ["D123-4567-8901"],
    "plate": ["京A12345", "AB12 CDE"],
    "ip": ["10.1.2.3", "fe80::1"],
    "mac": ["aa:bb:cc:dd:ee:ff"],
    "url_credentials": ["https://jo:pw@host.test/x"],
    "secret": ["sk-abcdef0123456789"],
    "handle": ["@jofen", "123456789", "jo_fen", "https://github.com/jofen"],
    "birth_date": ["1987-03-05", "March 5, 1987", "1987年3月5日"],
    "coordinates": ["51.5072, -0.1276"],
}  # fmt: skip
PAIRS = [(kind, value) for kind, values in VALUES.items() for value in values]


def test_every_kind_has_surrogates_of_its_own() -> None:
    assert set(VALUES) == set(KINDS) == HAVE_SURROGATES


@pytest.mark.parametrize(("kind", "value"), PAIRS)
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("x ", "."), ("我是", "，"), ("(", ")"), ("：", "。")]
)
def test_a_surrogate_is_known_again_wherever_it_stands(
    kind: str, value: str, before: str, after: str
) -> None:
    made = surrogate(kind, value, KEY)
    stretch = (len(before), len(before) + len(made))
    found = surrogates_in(before + made + after, [kind])
    assert any(start <= stretch[0] and stretch[1] <= end for start, end in found), made
    assert value.casefold() not in made.casefold()


@pytest.mark.parametrize(("kind", "value"), PAIRS)
def test_another_key_gives_another_surrogate_and_the_same_key_the_same(kind: str, value: str) -> None:
    others = {surrogate(kind, value, bytes([n]) * 32) for n in range(12)}
    assert len(others) > 3
    assert surrogate(kind, value, KEY) == surrogate(kind, value, KEY)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("phone", "13812345678", "+86 138-1234-5678"),
        ("phone", "138 1234 5678", "0086 13812345678"),
        ("phone", "(212) 867-5309", "+1 212.867.5309"),
        ("phone", "010-67586489", "+86 10 6758 6489"),
        ("email", "Jo.Fenwick@Firm.test", "jo.fenwick@firm.TEST"),
        ("name", "Jo  Fenwick", "JO FENWICK"),
        ("cn_id", "11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ"),
        ("bank_card", "4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("iban", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
    ],
)
def test_one_entity_written_two_ways_has_one_surrogate(kind: str, one: str, other: str) -> None:
    assert surrogate(kind, one, KEY) == surrogate(kind, other, KEY)


def test_names_keep_their_parts_and_their_language() -> None:
    def name(text: str) -> str:
        return surrogate("name", text, KEY)

    given_, family = name("Jo"), name("Fenwick")
    assert name("Jo Fenwick") == f"{given_} {family}"
    assert re.fullmatch(r"[A-Z]\. [A-Z][a-z]+", name("J. Fenwick"))
    assert len(name("王伟")) == 2 and len(name("王伟明")) == 3
    assert name("王伟")[0] == name("王")
    assert name("小王") == f"小{name('王')}"
    assert "·" in name("约翰·史密斯")


def test_surrogates_are_valid_and_nobodys() -> None:
    def made(kind: str, value: str, count: int = 40) -> list[str]:
        return [surrogate(kind, value, bytes([n]) * 32) for n in range(count)]

    for number in made("cn_id", "11010519491231002X"):
        weights = [pow(2, 17 - place) for place in range(17)]
        total = sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True))
        assert number.startswith("99") and "10X98765432"[total % 11] == number[17]
    for card in made("bank_card", "4111111111111111"):
        digits = [int(digit) for digit in reversed(card)]
        total = sum(d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits))
        assert len(card) == 16 and total % 10 == 0
    for iban in made("iban", "DE89370400440532013000"):
        plain = iban.replace(" ", "")
        moved = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
        assert int(moved) % 97 == 1 and plain[4:8] == "TEST"
    for number in made("phone", "13812345678"):
        assert not phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))
    for number in made("phone", "(212) 867-5309"):
        assert re.fullmatch(r"\d{3}-555-01\d\d", number)
    for code in made("credit_code", "91110000100000000X"):
        alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        total = sum(alphabet.index(c) * pow(3, n, 31) for n, c in enumerate(code[:17]))
        assert alphabet[-total % 31] == code[17]


def test_no_made_up_name_is_a_word() -> None:
    held = _lexicon()
    words = {(onset + ending).lower() for onset in held["onsets"] for ending in held["endings"]}
    assert len(words) == len(held["onsets"]) * len(held["endings"]) > 600
    assert words.isdisjoint(known_words())


# Detectors that find whatever looks like something, in any company: worse than any real one.
_ANYTHING = {
    "name": re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z]+)?|[\u4e00-\u9fff]{2,3}"),
    "phone": re.compile(r"\+?\d[\d -]{2,}"),
    "email": re.compile(r"\S+@\S+"),
    "address": re.compile(r"\d+ [A-Z]\w+(?: \w+)?"),
    "secret": re.compile(r"[A-Z]{3,}"),
    "staff": re.compile(r"\d{3}"),
}


def detect_anything(shown: Sequence[Shown]) -> list[list[Span]]:
    return [
        [
            Span(*match.span(), kind, 0.5, "anything")
            for kind, pattern in _ANYTHING.items()
            for match in pattern.finditer(text)
            if match.group().strip()
        ]
        for _, text in shown
    ]


PIECES = [
    "Jo Fenwick", "JO", "王伟明", "小李", "your", "the", "of", " ", ", ", ": ", "。", "\n", "13812345678",
    "+86 138 1234 5678", "12 High Street", "a@b.co", "<EMAIL>", "<NAME>", "EMAIL", "<", ">", "<STAFF:0a1b2c3d>", "***",
    "555-0134", "1", "00", "555-01", "34", "example.com", "@", "Brevaby", "亓", "岚", "1900-01-01", "é", "x",
]  # fmt: skip
MANNERS: list[Manner] = ["tag", "pseudonym", "mask", "drop_record"]
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(
    st.lists(texts, min_size=1, max_size=3),
    st.fixed_dictionaries({kind: st.sampled_from(MANNERS) for kind in _ANYTHING}),
)
def test_scrubbing_twice_changes_nothing(record: list[str], manners: dict[str, Manner]) -> None:
    policy = Policy(manners, KEY, frozenset(), ("staff",))
    once = scrub([[("", text) for text in record]], detect_anything, policy)[0]
    twice = scrub([[("", text) for text in once.texts]], detect_anything, policy)[0]
    assert twice.texts == once.texts
    assert not any(twice.marks)


@given(
    st.lists(texts, min_size=1, max_size=3),
    st.fixed_dictionaries({kind: st.sampled_from(MANNERS) for kind in _ANYTHING}),
)
def test_marks_tell_what_was_replaced_and_lead_back_to_it(
    record: list[str], manners: dict[str, Manner]
) -> None:
    done = scrub([[("", t) for t in record]], detect_anything, Policy(manners, KEY, (), ("staff",)))[0]
    assert done.without(done.kinds()) == record
    assert done.without([]) == done.texts
    for marks in done.marks:
        assert all(a.end <= b.start for a, b in pairwise(marks))


@pytest.mark.parametrize("manner", ["tag", "pseudonym"])
def test_the_cost_is_linear_in_what_a_text_holds(manner: Manner) -> None:
    """Thirty thousand addresses in one record, each of them looked for in its other text."""
    pattern = re.compile(r"\w+@\w+\.co")

    def detect(shown: Sequence[Shown]) -> list[list[Span]]:
        return [[Span(*m.span(), "email", 0.9, "mail") for m in pattern.finditer(t)] for _, t in shown]

    def seconds(count: int) -> float:
        text = " ".join(f"user{n}@host.co" for n in range(count))
        began = time.process_time()
        done = scrub([[("", text), ("", text[::-1])]], detect, Policy({"email": manner}, KEY))[0]
        assert len(done.marks[0]) == count
        return time.process_time() - began

    assert seconds(30_000) < 40 * max(seconds(3_000), 0.02)


@pytest.mark.parametrize(
    "piece", ["a", "1", "555-01", "岚", "Brev", "brevaby.", "<EMAIL", "0.00", "99", "00:00:5E:", "A. "]
)
def test_a_megabyte_of_anything_is_searched_in_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    surrogates_in(text, HAVE_SURROGATES)
    assert time.process_time() - began < 10


def test_what_is_found_in_one_text_goes_from_the_others_too() -> None:
    def detect(shown: Sequence[Shown]) -> list[list[Span]]:
        pattern = re.compile(r"(?<=I am )[A-Z]\w+ [A-Z]\w+|(?<=我叫)王伟明")
        return [[Span(*m.span(), "name", 0.9, "cue") for m in pattern.finditer(text)] for _, text in shown]

    record = [
        "I am Jo Fenwick.",
        "Jo Fenwick wrote; Jo Fenwicks did not.",
        "我叫王伟明",
        "转告王伟明一声",
        "Jo",
    ]
    done = scrub([[("", text) for text in record]], detect, Policy({}))[0]
    assert done.texts == [
        "I am <NAME>.", "<NAME> wrote; Jo Fenwicks did not.", "我叫<NAME>", "转告<NAME>一声", "Jo",
    ]  # fmt: skip
    assert {mark.by for marks in done.marks for mark in marks} == {"cue", "same_record"}


def test_a_text_is_read_with_what_stands_before_it() -> None:
    def detect(shown: Sequence[Shown]) -> list[list[Span]]:
        return [
            [Span(0, len(text), "handle", 0.9, "cue")] if before == "qq: " else [] for before, text in shown
        ]

    done = scrub([[("qq: ", "12345678"), ("", "12345678x"), ("page: ", "12345679")]], detect, Policy({}))[0]
    assert done.texts == ["<HANDLE>", "12345678x", "12345679"]


def test_a_mask_keeps_the_shape_and_nothing_else() -> None:
    policy = Policy({"email": "mask", "phone": "mask", "name": "mask"})
    done = scrub([[("", "a.b@c.de +86 (138) 王伟")]], detect_anything, policy)[0]
    assert done.texts[0] == "*.*@*.** +** (***) **"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("[", "does not compile"),
        (r"(a)\1", "no back-references"),
        (r"(?<=id )\d+", "no look-arounds"),
        (r"(a)(b)", "has 2 groups"),
        (r"\d*", "matches the empty text"),
        (r"((a{1,100}){1,100}){1,100}x", "does not compile"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, why: str) -> None:
    with pytest.raises(PatternError, match=why.replace("(", r"\(")):
        compiled(pattern)


@pytest.mark.parametrize("pattern", [r"(?:a+)+$", r"(?:a|aa)+b", r"(?:a*)*c", r"(?:.*,){20}P"])
def test_a_pattern_that_would_backtrack_elsewhere_is_linear_here(pattern: str) -> None:
    """A megabyte takes a fraction of a second; Python's `re` would not end."""
    hostile = "a" * 1_000_000 + "!"
    assert pattern_spans(hostile, {"x": (pattern,)}) == []


def test_a_group_says_what_of_a_match_is_personal() -> None:
    text = "工号：123456，staff EMP-77"
    spans = pattern_spans(text, {"staff": (r"工号[:：]\s*(\d+)", r"EMP-\d+")})
    assert [text[span.start : span.end] for span in spans] == ["123456", "EMP-77"]


def test_denied_values_are_found_in_any_case_as_words_of_their_own() -> None:
    text = "ACME  Corp and Acme corp, not Acme Corporation; 芬瑞公司的 x"
    spans = denied_spans(text, {"firm": ("Acme Corp", "芬瑞")})
    assert [text[span.start : span.end] for span in spans] == ["ACME  Corp", "Acme corp", "芬瑞"]


def test_tags_are_the_kinds_in_capitals() -> None:
    assert tag("bank_card") == "<BANK_CARD>"
