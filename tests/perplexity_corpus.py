"""Made-up answers in English and Chinese, varied enough for an n-gram model to learn from, and ways to spoil them."""

from __future__ import annotations

import random

from quality.perplexity import Sample

# fmt: off
_WHO = ["the gardener", "a tired nurse", "my neighbour", "the old captain", "our teacher", "one of the players"]
_DOES = ["carries", "repairs", "describes", "remembers", "has forgotten", "is looking for", "paints", "sells"]
_WHAT = ["a wooden bridge", "the garden chairs", "some fresh bread", "the way to the station", "a pair of shoes",
         "the second window", "an old letter", "the story of the river"]
_WHEN = ["in the morning", "before the rain comes", "when nobody is at home", "after a long walk", "every summer",
         "while the others sleep", "at the end of the week"]
_WHO_ZH = ["园丁", "疲倦的护士", "我的邻居", "老船长", "我们的老师", "一位球员", "街上的孩子"]
_DOES_ZH = ["正在修理", "常常描述", "已经忘记了", "慢慢画出", "终于卖掉了", "一直在寻找", "小心地搬走"]
_WHAT_ZH = ["一座木桥", "花园里的椅子", "刚烤好的面包", "去车站的路", "一双旧鞋", "第二扇窗户",
            "那封旧信", "河流的故事"]
_WHEN_ZH = ["清晨的时候", "下雨之前", "家里没有人时", "走了很远以后", "每年夏天", "别人睡着的时候", "周末快结束时"]
# fmt: on
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def answers(count: int, seed: int = 1) -> list[str]:
    """Return English answers of four sentences each."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        parts = [
            (draw.choice(_WHEN), draw.choice(_WHO), draw.choice(_DOES), draw.choice(_WHAT)) for _ in range(4)
        ]
        made.append(" ".join(f"{when.capitalize()}, {who} {does} {what}." for when, who, does, what in parts))
    return made


def answers_zh(count: int, seed: int = 1) -> list[str]:
    """Return Chinese answers of six sentences each."""
    draw = random.Random(seed)
    return [
        "".join(
            f"{draw.choice(_WHEN_ZH)}，{draw.choice(_WHO_ZH)}{draw.choice(_DOES_ZH)}{draw.choice(_WHAT_ZH)}。"
            for _ in range(6)
        )
        for _ in range(count)
    ]


def samples(count: int, lang: str, seed: int = 1) -> list[Sample]:
    """Return records of one language, each a cluster of its own."""
    made = answers_zh(count, seed) if lang == "zh" else answers(count, seed)
    ask = "请写几句话。" if lang == "zh" else "Write a few sentences."
    return [Sample(ask, text, lang, f"{lang}{seed}-{n}") for n, text in enumerate(made)]


def mashed(length: int, seed: int = 1) -> str:
    """Return what a hand that falls on a keyboard writes."""
    draw = random.Random(seed)
    words: list[str] = []
    while sum(map(len, words)) + len(words) < length:
        words.append("".join(draw.choice(draw.choice(_KEYS)) for _ in range(draw.randint(3, 9))))
    return " ".join(words)[:length]


def shuffled(parts: list[str], seed: int = 1) -> list[str]:
    """Return parts in another order."""
    drawn = list(parts)
    random.Random(seed).shuffle(drawn)
    return drawn
