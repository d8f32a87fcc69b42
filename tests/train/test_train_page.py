"""The evaluation page: escaped, complete, the same each time, asking no network, and readable on a narrow screen."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from train.evaluation import page
from train.evaluation.answer_checks import Asked
from train.evaluation.bootstrap import Comparison, few
from train.evaluation.evaluate import BIAS_WHY, Evaluation
from train.evaluation.generate import Answer
from train.evaluation.scorecard import Answered, SplitScores, split_scores

EVIL = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&amp;"
NOTE = "These scores only exercise the plumbing."
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def answered(number: int) -> Answered:
    chinese = number % 2 == 1
    asked = (
        Asked("系统 <b>", f"潮汐是什么？{number}", "输入", (("你好", "您好"),))
        if chinese
        else Asked("", f"What is a tide? {number}", "x" * 400, ())
    )
    right = "海水因为月亮的引力而涨落。" if chinese else "A tide is the rise and fall of the sea."
    lang = "zh" if chinese else "en"
    base = Answer(EVIL if number == 0 else "the the the", 64, False)
    return Answered(f"{number:08x}", asked, right, lang, lang, base, Answer(right, 12, True))


SHOWN = [("test", answered(number)) for number in range(50)]


def evaluation() -> Evaluation:
    generator = np.random.Generator(np.random.PCG64(0))
    losses = tuple(
        np.stack([generator.uniform(low, low + 20, 90), np.full(90, 10.0)], axis=1) for low in (40, 10)
    )
    listed = [each for _, each in SHOWN]
    categories = ["en" if row % 2 else "zh" for row in range(85)] + ["<i>other</i>"] * 5
    scores = split_scores(
        "test",
        categories,
        losses,
        listed,
        "no encoder is named (evaluation.bertscore)",
        True,
        {"train.too_long": 3},
        2,
        100,
        0,  # type: ignore[arg-type]
    )
    return Evaluation(
        1, (NOTE,), {"run": "tide <lora>", "model": "tiny@1"}, {"category": "lang"}, 0, 20,
        {"name": "chat", "hash": "ab"}, (scores,), None, "no general set is named (evaluation.general)", (),
        "no task is named (evaluation.tasks)", {"bias": BIAS_WHY}, {"queued": 49, "identical": 1},
    )  # fmt: skip


@pytest.fixture(scope="module")
def text() -> str:
    return page.render(evaluation(), SHOWN)


class Elements(HTMLParser):
    """Counts elements, keeps attributes that could load or run something, and the text outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.said = ""
        self.classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action") or name.startswith("on"):
                self.loads.append(f"{name}={value}")
            if name == "class":
                self.classes.append(str(value))

    def handle_data(self, data: str) -> None:
        self.said += data


def parsed(text: str) -> Elements:
    found = Elements()
    found.feed(text)
    return found


def test_what_models_and_records_say_is_escaped(text: str) -> None:
    found = parsed(text)
    assert found.tags.count("script") == 1 and "img" not in found.tags and "i" not in found.tags
    assert EVIL in found.said and "tide <lora>" in found.said and "<i>other</i>" in found.said
    assert EVIL not in text


def test_nothing_is_asked_of_a_network(text: str) -> None:
    assert all(one.startswith(("href=#", "href=data:")) for one in parsed(text).loads)
    assert "default-src 'none'" in text and "unsafe-inline" not in text
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_fifty_records_stand_side_by_side_with_the_notes(text: str) -> None:
    found = parsed(text)
    assert found.classes.count("answer") == 50
    assert found.classes.count("base") == found.classes.count("tuned") == 50
    assert NOTE in found.said
    for _, each in SHOWN[:4]:
        assert (
            each.asked.instruction in found.said
            and each.tuned.text in found.said
            and each.reference in found.said
        )
    assert found.said.count("cut: it did not end by itself") == 50


def test_every_score_is_told_or_said_not_to_be_measured(text: str) -> None:
    told = dict(re.findall(r'data-metric="([^"]+)" data-verdict="([^"]+)"', text.split("By category")[0]))
    scores = evaluation().splits[0].scores
    assert told == {score.metric: score.verdict for score in scores}
    assert told["loss"] == "better" and told["bertscore"] == "not measured"
    assert set(told) == {
        "loss", "perplexity", "bleu", "bleu_zh", "chrf", "rouge_l", "exact_match", "token_f1", "bertscore",
        "ends_by_itself", "prompts_language", "toxic", "toxicity", "blamed_identity_terms",
    }  # fmt: skip
    assert "no encoder is named" in text and "5 records, and a score asks for 20" in text


def test_the_page_speaks_english_and_chinese_and_is_the_same_each_time(text: str) -> None:
    words = page._all_words()
    assert all(set(entry) == {"en", "zh"} and all(entry.values()) for entry in words.values())
    template = (page._FOLDER / "evaluation.html.jinja").read_text(encoding="utf-8")
    used = set(re.findall(r"say\(\"([^\"]+)\"\)", template))
    assert len(used) > 30 and used <= set(words)
    for key in ("scores", "answers", "better", "not measured", "metric.loss"):
        assert f'<span class="en" lang="en">{words[key]["en"]}</span>' in text
        assert f'<span class="zh" lang="zh-Hans">{words[key]["zh"]}</span>' in text
    assert page.render(evaluation(), SHOWN) == text


def test_reasons_are_told_in_chinese_too(text: str) -> None:
    assert page.reason_zh(BIAS_WHY).startswith("刻板印象")
    assert page.reason_zh(few(3)) == "数量太少，无法判断：记录 3 个，评分至少需要 20 个"
    rare = f"{few(3, what='identity terms in the answers')} (base 3, tuned 40)"
    assert (
        page.reason_zh(rare)
        == "数量太少，无法判断：回答中的身份词 3 个，评分至少需要 20 个（基础 3，微调 40）"
    )
    assert page.reason_zh("a reason of tomorrow") == ""
    assert '<span class="zh" lang="zh-Hans">没有指定任务（evaluation.tasks）</span>' in text
    assert all(page.reason_zh(each.why) for each in evaluation().splits[0].scores if each.why)


@pytest.mark.parametrize(
    ("value", "plain", "difference"),
    [
        (0.0, "0", "0"), (0.0004, "0.000", "0.000"), (-1.25, "-1.250", "−1.250"), (12.345, "12.35", "+12.35"),
        (1234.5, "1,234.5", "+1,234.5"), (float("inf"), "inf", "+inf"), (3e9, "3e+09", "+3e+09"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value: float, plain: str, difference: str) -> None:
    assert (page.number(value), page.signed(value)) == (plain, difference)


def test_an_interval_is_drawn_about_zero() -> None:
    score = Comparison("loss", 30, 2.0, 1.0, -1.0, -2.0, 1.0, 100)
    assert page._place(score) == {"low": "6.0", "high": "87.0", "middle": "33.0"}
    assert page._place(Comparison("loss", 30)) is None
    assert page._place(Comparison("loss", 30, 1.0, 1.0, 0.0, 0.0, 0.0, 100)) is None


def test_a_page_without_answers_says_so() -> None:
    told = evaluation()
    empty = SplitScores("test", 0, 0, {}, 0, (), (), {})
    bare = Evaluation(
        **{**{name: getattr(told, name) for name in told.__slots__}, "splits": (empty,), "notes": ()}
    )
    assert "No record was answered." in page.render(bare, [])


MEASURE = """<!DOCTYPE html><iframe id="page" src="{page}" style="width:{width}px;height:4000px;border:0"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => setTimeout(() => {{
  const inside = frame.contentDocument;
  inside.querySelectorAll("details").forEach((each) => (each.open = true));
  const seen = (name) => [...inside.querySelectorAll(name)].filter((each) => each.offsetParent !== null).length;
  inside.getElementById("words").click();
  const filter = inside.getElementById("filter");
  filter.value = "category=zh";
  filter.dispatchEvent(new Event("change"));
  const places = [...inside.querySelectorAll(".answer, .scores")];
  const wide = places.filter((each) => each.scrollWidth > each.clientWidth + 1).length;
  const whole = inside.documentElement.scrollWidth;
  document.title = [whole, seen(".en"), seen(".zh") > 50, seen(".answer"), wide, inside.title].join("|");
}}, 1000);
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium; .ci/run installs it where apt-get can")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_from_disk_and_fits_the_screen(text: str, tmp_path: Path, width: int) -> None:
    (tmp_path / "index.html").write_text(text, encoding="utf-8")
    harness = tmp_path / "harness.html"
    harness.write_text(MEASURE.format(page="index.html", width=width), encoding="utf-8")
    ended = subprocess.run(
        [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--window-size=1400,4000",
            "--virtual-time-budget=10000", "--lang=en-US", "--dump-dom", harness.as_uri(),
        ],
        check=True, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    found = re.search(r"<title>(\d+)\|(\d+)\|(true|false)\|(\d+)\|(\d+)\|(.*?)</title>", ended.stdout)
    assert found, ended.stdout[-500:]
    assert int(found[1]) <= width
    assert found[2] == "0" and found[3] == "true", "the button shows Chinese words, and those only"
    assert found[4] == "25", "only the Chinese answers are shown"
    assert found[5] == "0", "nothing is wider than its place"
    assert "evaluation" in found[6], "no script of a model's ran"
    assert not re.findall(r"CONSOLE.*(?:Uncaught|Refused|Error)", ended.stderr)
