"""Rewriting by a language model: against a real server that writes by rule, and with a model made on the spot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import Fail, Says, serving
from pydantic import ValidationError
from tiny_models import save_causal_lm

from pipeline.augment import Answer, Ask, Child, Guard, NoChild
from pipeline.augment.generated import rouge_l
from pipeline.augment.rewrite import RewriteMethod, RewriteParams
from pipeline.errors import ModelError
from pipeline.models import Models

METHOD = RewriteMethod()


def ask(instruction: str, number: int = 0, lang: str = "en", history: Any = (), **texts: str) -> Ask:
    full = {"system": "", "instruction": instruction, "input": "", "output": "The old answer.", **texts}
    return Ask(full, history, lang, f"seed{number}", number)


def params(url: str, **more: Any) -> RewriteParams:
    endpoint = {"url": url, "model": "tiny", "backoff_s": 0.01, "concurrency": 2, **more.pop("endpoint", {})}
    return RewriteParams.model_validate({"endpoint": endpoint, **more})


def text_of(body: dict[str, Any]) -> str:
    """Return what stands between the tags of a prompt."""
    found = re.search(r"<(text|request)>\n(.*?)\n</\1>", body["messages"][1]["content"], re.DOTALL)
    return found.group(2) if found else ""


def saying(change: Callable[[str], str]) -> Callable[[dict[str, Any]], str]:
    return lambda body: json.dumps({"text": change(text_of(body))}, ensure_ascii=False)


def children(asks: list[Ask], wanted: RewriteParams, guard: Guard | None = None) -> list[Answer]:
    return METHOD.children(asks, wanted, guard or Guard(), Models())


def test_a_paraphrase_changes_the_prompt_alone() -> None:
    with serving(writer=saying(lambda text: f"Please: {text}")) as seen:
        found = children(
            [ask("Name a fruit."), ask("Name a tree.", 1, input="Not an oak.")], params(seen.url)
        )
    assert [each.texts for each in found if isinstance(each, Child)] == [
        {"instruction": "Please: Name a fruit."}, {"instruction": "Please: Name a tree."}
    ]  # fmt: skip
    assert isinstance(found[0], Child)
    assert found[0].evidence == {"manner": "paraphrase", "model": f"tiny at {seen.url}"}
    assert all("never carry out" in body["messages"][0]["content"] for body in seen.bodies)


def test_the_prompt_is_in_the_language_of_the_record() -> None:
    with serving(writer=saying(lambda text: f"请问，{text}")) as seen:
        found = children(
            [ask("介绍一下长城。", lang="zh"), ask("Décris Paris.", 1, lang="fr")], params(seen.url)
        )
    by_text = {text_of(body): body["messages"][0]["content"] for body in seen.bodies}
    assert "改写" in by_text["介绍一下长城。"]
    assert "rewrite" in by_text["Décris Paris."]
    assert isinstance(found[0], Child)
    assert found[0].texts == {"instruction": "请问，介绍一下长城。"}


def test_what_must_stay_is_named_and_looked_for() -> None:
    text = "Say in 20 words what `x = {1}` does, see https://a.org/b."
    with serving(writer=saying(lambda text: text.replace("Say", "Tell me"))) as seen:
        found = children([ask(text)], params(seen.url))
    assert isinstance(found[0], Child)
    for value in ("`20`", "``x = {1}``", "`https://a.org/b`"):
        assert value in seen.bodies[0]["messages"][1]["content"]
    for old, new in (("20", "twenty"), ("x = {1}", "x = {2}"), ("a.org/b", "a.org/c")):
        with serving(writer=saying(lambda text, old=old, new=new: text.replace(old, new))) as seen:
            assert children([ask(text)], params(seen.url)) == [NoChild("protected")]
    with serving(writer=saying(lambda _: "Describe the water cycle.")) as seen:
        assert children([ask("Describe the Krebs cycle.")], params(seen.url), Guard(["krebs cycle"])) == [
            NoChild("protected")
        ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Name a fruit.", "unchanged"),
        ("  ", "empty"),
        ("?!", "empty"),
        ("As an AI language model, I name no fruit.", "refusal"),
        ("Here is the rewritten text: name one fruit", "leak"),
    ],
)
def test_what_is_no_paraphrase_has_its_reason(said: str, why: str) -> None:
    with serving(writer=saying(lambda _: said)) as seen:
        assert children([ask("Name a fruit.")], params(seen.url)) == [NoChild(why)]


def test_words_that_the_parent_has_are_no_fault() -> None:
    with serving(writer=saying(lambda text: text.replace("Explain", "Say"))) as seen:
        found = children([ask("Explain what 'as an ai' means in a given prompt.")], params(seen.url))
    assert isinstance(found[0], Child)


def test_malformed_json_is_asked_again_and_then_malformed() -> None:
    with serving([Says("no"), Says("{")]) as seen:
        assert children([ask("Name a fruit.")], params(seen.url, tries=2)) == [NoChild("malformed")]
    assert len(seen.bodies) == 2
    with serving([Says('{"text": "Na', "length")]) as seen:
        assert children([ask("Name a fruit.")], params(seen.url, tries=1)) == [NoChild("cut")]


def test_children_depend_on_neither_order_nor_companions_and_each_has_its_own_seed() -> None:
    asks = [
        ask("Name a fruit.", 0),
        ask("Name a fruit.", 1),
        ask("Name a tree.", 2),
        ask("列出水果", 3, lang="zh"),
    ]

    def writer(body: dict[str, Any]) -> str:
        return json.dumps(
            {"text": f"{text_of(body)} ({body['seed']}, {len(body['messages'][1]['content'])})"}
        )

    with serving(writer=writer) as seen:
        wanted = params(seen.url)
        together = children(asks, wanted)
        assert children(asks[::-1], wanted) == together[::-1]
        assert [children([each], wanted)[0] for each in asks] == together
    assert len({str(each) for each in together}) == 4


def test_a_response_is_rewritten_or_answered_only_when_the_recipe_says_so() -> None:
    with serving(writer=saying(lambda text: text.upper())) as seen:
        found = children([ask("name a fruit")], params(seen.url, response="rewrite"))
    assert isinstance(found[0], Child)
    assert found[0].texts == {"instruction": "NAME A FRUIT", "output": "THE OLD ANSWER."}

    with serving(writer=saying(lambda text: text.replace("answer", "reply"))) as seen:
        found = children([ask("name a fruit")], params(seen.url, response="rewrite"))
    assert found == [NoChild("unchanged")]  # the response alone is not varied

    def writer(body: dict[str, Any]) -> str:
        if len(body["messages"]) == 4:
            return "A fresh answer."
        return json.dumps({"text": text_of(body).upper()})

    history = ({"user": "Hello", "assistant": "Hi."},)
    with serving(writer=writer) as seen:
        asked = ask("name a fruit", history=history, system="Be brief.", input="a red one")
        found = children([asked], params(seen.url, response="answer"))
    assert isinstance(found[0], Child)
    assert found[0].texts == {"instruction": "NAME A FRUIT", "output": "A fresh answer."}
    answering = seen.bodies[-1]["messages"]
    assert [turn["role"] for turn in answering] == ["system", "user", "assistant", "user"]
    assert answering[-1]["content"] == "NAME A FRUIT\n\na red one"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "empty"),
        ("I'm sorry, but I cannot help with that.", "refusal"),
        ("抱歉，我无法回答这个问题。", "refusal"),
        ("An apple. As an AI language model I like none.", "refusal"),
    ],
)
def test_a_harder_prompt_without_a_good_answer_is_no_child(reply: str, why: str) -> None:
    def writer(body: dict[str, Any]) -> str:
        evolving = "harder" in body["messages"][0]["content"]
        return json.dumps({"instruction": f"{text_of(body)} Give two reasons."}) if evolving else reply

    with serving(writer=writer) as seen:
        wanted = params(seen.url, manner="deeper", response="answer")
        assert children([ask("Name a fruit.")], wanted) == [NoChild(why)]


def test_a_harder_prompt_keeps_its_input_and_gets_an_answer() -> None:
    def writer(body: dict[str, Any]) -> str:
        if len(body["messages"]) == 1:
            return "The new answer."
        assert "a red apple" in body["messages"][1]["content"]
        return json.dumps({"instruction": f"{text_of(body)} Give two reasons."})

    with serving(writer=writer) as seen:
        wanted = params(seen.url, manner="deeper", response="answer")
        found = children([ask("Describe it.", n, input="a red apple") for n in range(12)], wanted)
    assert isinstance(found[0], Child)
    assert found[0].texts == {"instruction": "Describe it. Give two reasons.", "output": "The new answer."}
    operations = {str(each.evidence["operation"]) for each in found if isinstance(each, Child)}
    assert operations == {"constraint", "depth", "concrete", "steps"}


def test_another_prompt_has_its_own_input() -> None:
    def writer(body: dict[str, Any]) -> str:
        if len(body["messages"]) == 1:
            return "Green."
        return json.dumps({"instruction": "Which colour is it?", "input": "grass"})

    with serving(writer=writer) as seen:
        wanted = params(seen.url, manner="wider", response="answer")
        found = children([ask("Describe it.", input="a red apple")], wanted)
        assert children([ask("Which colour is it?", 1)], wanted) == [NoChild("copy")]
    assert isinstance(found[0], Child)
    assert found[0].texts == {"instruction": "Which colour is it?", "input": "grass", "output": "Green."}


def test_what_cannot_be_evolved_has_its_reason_and_costs_nothing() -> None:
    with serving() as seen:
        wanted = params(seen.url, manner="wider", response="answer")
        found = children(
            [ask("Go on.", history=({"user": "a", "assistant": "b"},)), ask("", 1), ask("x" * 50_000, 2)], wanted
        )  # fmt: skip
        assert found == [NoChild("history"), NoChild("unchanged"), NoChild("too_long")]
        assert children([ask("x" * 50_000)], params(seen.url)) == [NoChild("too_long")]
    assert seen.bodies == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"manner": "deeper"}, "does not answer: say `response: answer`"),
        ({"manner": "wider", "response": "rewrite"}, "does not answer"),
        ({"manner": "wider", "response": "answer", "fields": ("input",)}, "as a whole"),
        ({"fields": ("output",)}, "changed by `response: rewrite`"),
        ({"model": {"folder": "m"}}, "one of `endpoint` and `model`"),
        ({"endpoint": None}, "one of `endpoint` and `model`"),
    ],
)
def test_a_recipe_that_would_make_wrong_pairs_is_refused(more: dict[str, Any], told: str) -> None:
    given = {"endpoint": {"url": "http://h/v1", "model": "m"}, **more}
    with pytest.raises(ValidationError, match=re.escape(told)):
        RewriteParams.model_validate(given)


def test_whether_the_meaning_stays_depends_on_the_manner() -> None:
    assert METHOD.keeps(params("http://h/v1"))
    assert not METHOD.keeps(params("http://h/v1", manner="deeper", response="answer"))


def test_an_endpoint_that_is_down_is_an_error_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    asks = [ask(f"Name fruit {n}.", n) for n in range(4)]
    models = Models(memory=str(tmp_path))
    with serving([Says('{"text": "a 0"}'), Says('{"text": "a 1"}'), Fail(404)]) as seen:
        wanted = params(seen.url, endpoint={"concurrency": 1})
        with pytest.raises(ModelError, match="refuses"):
            METHOD.children(asks, wanted, Guard(), models)
        assert len(seen.bodies) == 3
        seen.bodies.clear()
        METHOD.children(asks, wanted, Guard(), models)
        assert sum("fruit" in body["messages"][1]["content"] for body in seen.bodies) >= 2
        assert not any(re.search("fruit [01]", body["messages"][1]["content"]) for body in seen.bodies)


KILLED = """
import sys
from pipeline.augment import Ask, Guard
from pipeline.augment.rewrite import RewriteMethod, RewriteParams
from pipeline.models import Models
texts = [{"system": "", "instruction": f"Name fruit {n}.", "input": "", "output": ""} for n in range(40)]
asks = [Ask(text, (), "en", f"seed{n}", n) for n, text in enumerate(texts)]
wanted = RewriteParams(endpoint={"url": sys.argv[1], "model": "tiny", "concurrency": 2})
print(len(RewriteMethod().children(asks, wanted, Guard(), Models(memory=sys.argv[2]))))
"""


def test_a_build_that_was_killed_pays_for_nothing_twice(tmp_path: Path) -> None:
    def started(url: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", KILLED, url, str(tmp_path)]
        return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)

    with serving(writer=saying(lambda text: f"Please: {text}"), delay=0.05) as seen:
        first = started(seen.url)
        while len(seen.bodies) < 12 and first.poll() is None:
            time.sleep(0.02)
        first.kill()
        first.communicate()
        kept = sum(len(path.read_text().splitlines()) for path in tmp_path.rglob("generations/**/*.jsonl"))
        asked = len(seen.bodies)
        second = started(seen.url)
        assert second.communicate(timeout=120)[0] == "40\n"
        assert 12 <= asked < 40
        assert asked - kept <= 4  # two under way, and two whose answer was being written down
        assert len(seen.bodies) - asked == 40 - kept


def test_a_local_model_writes_too(tmp_path: Path) -> None:
    folder = save_causal_lm(tmp_path, longest=1024)
    wanted = RewriteParams.model_validate(
        {"model": {"folder": str(folder)}, "max_tokens": 16, "tries": 1, "temperature": 1.0}
    )
    assert METHOD.needs(wanted)[0].identity(Models()).kind == "causal_lm"
    found = children([ask("Name a fruit."), ask("列出水果", 1, lang="zh")], wanted)
    assert all(each in (NoChild("malformed"), NoChild("cut")) for each in found)  # it has learnt no JSON


def test_rouge_l_is_the_longest_common_subsequence_of_words_or_characters() -> None:
    assert rouge_l("a b c d", "a x c d") == pytest.approx(0.75)
    assert rouge_l("police killed the gunman", "the gunman killed police") == pytest.approx(0.5)
    assert rouge_l("介绍长城", "介绍一下长城") == pytest.approx(8 / 10)
    assert (rouge_l("", ""), rouge_l("", "a"), rouge_l("A b", "a, B!")) == (1.0, 0.0, 1.0)
