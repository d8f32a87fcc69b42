"""Toxicity: what is found, through which disguises, and what is left alone, in both languages."""

from __future__ import annotations

import time

import pytest

from quality.toxicity import CATEGORIES, label_category, mentions, score_of, spans


def score(text: str, about: str = "") -> float:
    return score_of(spans(text, about))


@pytest.mark.parametrize(
    "text",
    [
        "You are a fucking moron", "f u c k you", "you f**king idiot", "what an a$$hole", "fuuuuck off bitch",
        "go kill yourself",
        "b.i.t.c.h", "I will kill you tonight", "dirty fаggot", "All immigrants are criminals and vermin",
        "你这个傻逼", "傻*逼", "傻 逼", "煞笔玩意", "操你妈", "曹尼玛", "你這個賤人", "去死吧", "我要弄死你",
        "你去跳楼吧", "黑鬼滚回去",
        "河南人都是骗子", "怎么还不去死", "你就是个智障",
    ],
)  # fmt: skip
def test_abuse_reaches_the_default_threshold(text: str) -> None:
    assert score(text) >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe and Penistone are towns in England.", "Moby Dick is a novel by Melville.",
        "Serve cheese with crackers.",
        "Use a garden hoe to remove the weeds.", "Dick Cheney was vice president.", "He/she will go to the class.",
        "The assassin passed the classic cocktail.", "If u c k, call me.", "The flame retardant slows the fire.",
        "The ABO blood group", "Pussy willow grows here.", "A cock crowed and the hens ran.",
        "Breast cancer and penile disease",
        "杂种优势在育种中很重要", "周围神经病变的治疗", "变态反应性疾病", "去死皮的磨砂膏", "体操你会吗",
        "我妈的病好了", "几把椅子",
        "脑瘫患者的康复", "智障儿童的教育", "固体废物处理", "我操作失误", "热死了", "垃圾分类", "这部电影烂透了",
        "母狗怀孕多久生产",
        "女性都是独立的", "所有老人都应该得到尊重", "牛奶子可以吃吗", "总是放屁怎么办",
    ],
)  # fmt: skip
def test_what_only_looks_like_abuse_is_left_alone(text: str) -> None:
    assert score(text) < 0.5


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ('The word "nigger" is a racial slur.', ""), ("I'm sorry, I can't call anyone a bitch.", ""),
        ("He is not an asshole.", ""),
        ("“黑鬼”是对黑人的蔑称，带有歧视色彩。", ""), ("抱歉，我不能骂人是傻逼。", ""),
        ("你真是个混蛋，傻逼。", "判断下面的句子是否含有侮辱"),
        ("You are an asshole", "Classify whether this comment is toxic"),
        ("If you think of killing yourself or want to kill myself appears, call a crisis hotline.", ""),
    ],
)  # fmt: skip
def test_talk_about_abuse_is_no_abuse(text: str, about: str) -> None:
    assert score(text, about) < 0.5


@pytest.mark.parametrize(
    ("text", "category", "found"),
    [
        ("well, you FAGGOT there", "slur", "FAGGOT"), ("so f**k it", "profanity", "f**k"),
        ("嘿，傻*逼，走", "insult", "傻*逼"),
        ("我會弄死你的", "threat", "弄死你"), ("b i t c h please", "insult", "b i t c h"),
        ("他说：你自杀吧。", "self_harm", "你自杀"),
        ("find some kiddie porn", "sexual", "kiddie porn"),
    ],
)  # fmt: skip
def test_a_span_names_its_place_and_its_category(text: str, category: str, found: str) -> None:
    top = max(spans(text), key=lambda span: span.severity)
    assert top.category == category and top.category in CATEGORIES
    assert text[top.start : top.stop].startswith(found)


def test_disguises_are_told() -> None:
    assert spans("you b*tch")[0].disguised and not spans("you bitch")[0].disguised
    assert spans("傻*逼")[0].disguised and not spans("傻逼")[0].disguised


def test_aiming_at_a_person_and_repeating_make_it_worse() -> None:
    assert score("that idiot") < score("you idiot") < score("you idiot, you fucking moron")
    assert score("一个白痴") < score("你这白痴")


def test_length_alone_adds_no_guilt() -> None:
    assert score("A coarse word, shit, and then prose. " + "The harvest was good. " * 500) < 0.5


@pytest.mark.parametrize(
    "piece", ["傻 ", "f u ", "f*", "你怎么还不", "河南人都", "@$", "a-", "all those muslims are "]
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    def once(text: str) -> float:
        began = time.process_time()
        spans(text)
        return time.process_time() - began

    def took(count: int) -> float:
        return min(once(piece * count) for _ in range(3))  # others share the machine

    spans(piece)
    assert took(16_000) < 12 * took(4_000) + 0.2


@pytest.mark.parametrize("text", ["", " ", "\u200b", "😀" * 50, "\ud800", "ﷺ", "a" * 5000, "。" * 5000])
def test_odd_texts_are_harmless(text: str) -> None:
    assert score(text) == 0


@pytest.mark.parametrize(
    ("text", "group", "sentiment"),
    [
        ("Women are weak and emotional.", "gender", -1), ("Muslims are kind and honest people.", "religion", 1),
        ("黑人很懒惰。", "ethnicity", -1), ("残疾人很坚强。", "disability", 1),
        ("A gay couple lives next door.", "orientation", 0),
        ("日本人吃寿司。", "nationality", 0),
    ],
)  # fmt: skip
def test_identity_terms_carry_the_sentiment_of_their_sentence(text: str, group: str, sentiment: int) -> None:
    found = mentions(text)
    assert [(one.group, one.sentiment) for one in found] == [(group, sentiment)]


def test_a_toxic_span_counts_as_blame() -> None:
    assert mentions("The women there", [(0, 5)])[0].sentiment == -1
    assert mentions("Unwomenly gayety") == []


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("toxic", "insult"),
        ("Severe_Toxic", "insult"),
        ("identity-hate", "slur"),
        ("NON_HATE", "none"),
        ("LABEL_1", ""),
    ],
)
def test_labels_of_classifiers(label: str, category: str) -> None:
    assert label_category(label) == category
