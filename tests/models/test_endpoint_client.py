"""The client of an endpoint against a real server on this machine that fails, stalls, hangs up and talks nonsense."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import Close, Drip, Fail, Raw, Says, Stall, serving
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import ModelError, StoreError
from pipeline.models import Endpoint, Models
from pipeline.models.endpoint_client import EndpointGenerator
from pipeline.models.generator import Generation, Message, Prompt, Sampling, generations
from pipeline.models.need import Need
from pipeline.models.structured import parse, structured
from pipeline.models.text_cache import TextCache

SAMPLING = Sampling(0.7, 0.9, 64)
KEY = "sk-test-0123456789abcdef"


def prompt(text: str, seed: str = "aa") -> Prompt:
    return Prompt((Message("user", text),), seed)


def endpoint(url: str, **more: Any) -> Endpoint:
    quick = {"backoff_s": 0.01, "connect_timeout_s": 2, "read_timeout_s": 2, "timeout_s": 5}
    return Endpoint(url=url, model="tiny", **{**quick, **more})


def asked(at: Endpoint, *texts: str, cache: TextCache | None = None) -> list[Generation]:
    prompts = [prompt(text) for text in texts]
    return generations(EndpointGenerator(at), prompts, SAMPLING, None, cache or TextCache(None))


def test_answers_come_in_the_order_of_the_prompts() -> None:
    with serving(delay=0.05) as seen:
        texts = [f"text {n}" for n in range(12)]
        found = asked(endpoint(seen.url, concurrency=4), *texts)
    assert found == [Generation(f"answer to {text}") for text in texts]
    assert 2 <= seen.most_at_once <= 4
    body = seen.bodies[0]
    assert (body["model"], body["temperature"], body["top_p"], body["max_tokens"]) == ("tiny", 0.7, 0.9, 64)
    assert len({each["seed"] for each in seen.bodies}) == 1  # of one seed: another prompt does not alter it


@pytest.mark.parametrize(
    "failure",
    [
        Fail(500),
        Fail(503, body="<html>down</html>"),
        Fail(429),
        Fail(408),
        Close(),
        Close(midway=True),
        Raw("no json"),
        Raw('{"choices": []}'),
        Raw("[1, 2"),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(failure: Any) -> None:
    with serving([failure, failure]) as seen:
        assert asked(endpoint(seen.url, tries=3), "one") == [Generation("answer to one")]
    assert len(seen.bodies) == 3
    with (
        serving([failure] * 3) as seen,
        pytest.raises(ModelError, match=r"gives no answer: .*, 3 times") as error,
    ):
        asked(endpoint(seen.url, tries=3), "one")
    assert seen.url in str(error.value)
    assert "secret" not in str(error.value)


def test_a_stalled_and_a_dripping_answer_are_cut_off_and_asked_again() -> None:
    with serving([Stall(30), Drip(30)]) as seen:
        began = time.monotonic()
        assert asked(endpoint(seen.url, read_timeout_s=0.3, timeout_s=0.5), "one") == [
            Generation("answer to one")
        ]
        assert time.monotonic() - began < 10
    assert len(seen.bodies) == 3


def test_a_server_that_asks_to_wait_is_not_asked_before() -> None:
    with serving([Fail(429, (("Retry-After", "1"),))]) as seen:
        asked(endpoint(seen.url), "one")
    assert seen.times[1] - seen.times[0] >= 0.99
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    with serving([Fail(503, (("Retry-After", moment),))]) as seen:
        asked(endpoint(seen.url), "one")
    assert seen.times[1] - seen.times[0] >= 1.5  # a date has whole seconds


def test_while_one_waits_for_the_server_no_other_is_sent() -> None:
    with serving([Fail(429, (("Retry-After", "1"),))]) as seen:
        asked(endpoint(seen.url, concurrency=1), *"abcd")
    assert seen.times[1] - seen.times[0] >= 0.99


def test_a_server_that_asks_to_wait_too_long_stops_the_build() -> None:
    with (
        serving([Fail(429, (("Retry-After", "86400"),))]) as seen,
        pytest.raises(ModelError, match="asks to wait 86400 seconds"),
    ):
        asked(endpoint(seen.url), "one")
    assert len(seen.bodies) == 1


def test_waits_double_and_are_the_same_each_time() -> None:
    gaps = []
    for _ in range(2):
        with serving([Fail(500)] * 4) as seen:
            asked(endpoint(seen.url, backoff_s=0.1), "one")
        gaps.append([b - a for a, b in zip(seen.times, seen.times[1:], strict=False)])
    assert gaps[0] == pytest.approx(gaps[1], abs=0.2)
    assert gaps[0][3] > 2 * gaps[0][0]
    for number, gap in enumerate(gaps[0]):
        assert 0.05 * 2**number <= gap <= 0.15 * 2**number + 0.3


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, '{"error": {"message": "bad key sk-test-01", "code": "invalid_api_key"}}', "key_env"),
        (403, "{}", "may use this model"),
        (404, "not here", "with its version"),
        (400, '{"error": {"message": "secret", "type": "invalid_request_error"}}', "invalid_request_error"),
        (429, '{"error": {"message": "pay", "code": "insufficient_quota"}}', "insufficient_quota"),
        (302, "", "status 302"),
    ],
)
def test_what_will_not_pass_stops_at_once(
    status: int, body: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    with (
        serving([Fail(status, (("Location", "http://127.0.0.1:9/"),), body=body)] * 9) as seen,
        pytest.raises(ModelError) as error,
    ):
        asked(endpoint(seen.url, key_env="TEST_KEY", concurrency=1), "one", "two")
    assert told in str(error.value)
    assert "secret" not in str(error.value)
    assert "sk-" not in str(error.value)
    assert len(seen.bodies) == 1


def test_a_prompt_that_is_too_long_or_filtered_has_its_reason_and_the_others_their_answers() -> None:
    long = '{"error": {"message": "maximum context length is 10", "code": "context_length_exceeded"}}'
    filtered = '{"error": {"code": "content_filter"}}'
    with serving([Fail(400, body=long), Fail(400, body=filtered), Says("so far", "length")]) as seen:
        found = asked(endpoint(seen.url, concurrency=1), *"abcd")
    assert [each.fault for each in found] == ["too_long", "filtered", "cut", ""]
    assert found[3].text == "answer to d"


def test_an_endpoint_that_is_down_is_named_with_what_to_check() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ModelError, match="no connection") as error:
        asked(endpoint(url, tries=2), *"abc")
    assert url in error.value.message
    assert f"curl {url}/models" in error.value.hint
    assert pickle.loads(pickle.dumps(error.value)).hint == error.value.hint


def test_a_missing_key_is_an_error_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    wanted = endpoint("http://127.0.0.1:9/v1", key_env="TEST_KEY")
    with pytest.raises(ModelError, match="the environment has no TEST_KEY"):
        Need("endpoint", endpoint=wanted).identity(Models())
    monkeypatch.setenv("TEST_KEY", "two words")
    with pytest.raises(ModelError, match="blanks") as error:
        Models().generator(wanted)
    assert "two words" not in str(error.value)


def test_the_key_is_sent_and_stands_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    models = Models(memory=str(tmp_path))
    with serving([Fail(500), Says("one"), Fail(401, body=f'{{"error": {{"code": "{KEY}"}}}}')]) as seen:
        wanted = endpoint(seen.url, key_env="TEST_KEY", concurrency=1)
        identity = Need("endpoint", endpoint=wanted).identity(models)
        cache = models.remembered("generations", identity.name)
        with pytest.raises(ModelError) as error:
            generations(models.generator(wanted), [prompt("a"), prompt("b")], SAMPLING, None, cache)
    assert [each["Authorization"] for each in seen.headers] == [f"Bearer {KEY}"] * 3
    written = "".join(path.read_text() + path.name for path in sorted(tmp_path.rglob("*")) if path.is_file())
    assert "one" in written
    for text in (
        str(error.value),
        repr(identity),
        repr(wanted),
        wanted.model_dump_json(),
        caplog.text,
        written,
    ):
        assert KEY not in text


def test_who_an_endpoint_is_depends_on_what_alters_answers() -> None:
    def name(**more: Any) -> tuple[str, str, str]:
        identity = Models().endpoint_identity(endpoint("http://host:1/v1", **more))
        return identity.kind, identity.name, identity.settings_sha256

    assert name()[:2] == ("endpoint", "tiny at http://host:1/v1")
    assert name() == name(concurrency=9, tries=2, price_in=3)
    assert name() != name(send_seed=False)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:8000", "not of the form"),
        ("http://me:pass@host/v1", "more than a host"),
        ("https://host/v1?key=abc", "more than a host"),
        ("http://host/v1/chat/completions", "added by itself"),
        ("http://host:99999/v1", "no address"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Endpoint(url=url, model="m")
    with pytest.raises(ValidationError, match="needs `price_in`"):
        Endpoint(url="http://host/v1", model="m", max_cost=1)


def test_what_was_answered_is_paid_once_even_after_a_failure(tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(6)]
    with serving([Says("0"), Says("1"), Says("2"), Fail(404)]) as seen:
        at = endpoint(seen.url, concurrency=1)
        with pytest.raises(ModelError, match="refuses"):
            asked(at, *texts, cache=TextCache(tmp_path))
        assert len(seen.bodies) == 4
        found = asked(at, *texts, cache=TextCache(tmp_path))  # as another process would
        assert len(seen.bodies) == 7
        assert [each.text for each in found[:4]] == ["0", "1", "2", "answer to text 3"]
        assert asked(at, *texts, cache=TextCache(tmp_path)) == found
        assert len(seen.bodies) == 7
    assert [body["messages"][0]["content"] for body in seen.bodies[4:]] == texts[3:]


def test_equal_prompts_are_asked_once_and_another_seed_or_draw_is_another_prompt() -> None:
    cache = TextCache(None)
    with serving() as seen:
        writer = EndpointGenerator(endpoint(seen.url))
        generations(writer, [prompt("a"), prompt("a")], SAMPLING, None, cache)
        assert len(seen.bodies) == 1
        generations(writer, [prompt("a", "bb")], SAMPLING, None, cache)
        generations(writer, [prompt("a")], Sampling(0.1, 0.9, 64), None, cache)
    assert len(seen.bodies) == 3
    assert seen.bodies[0]["seed"] != seen.bodies[1]["seed"]


def test_the_limit_of_cost_is_never_passed_and_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    prices = {"price_in": 1000.0, "price_out": 1000.0}  # a thousandth a token: an answer costs 0.1
    with serving(tokens=(60, 40)) as seen:
        at = endpoint(seen.url, max_cost=1.0, concurrency=3, **prices)
        writer = EndpointGenerator(at, file)
        arrived: list[int] = []
        with pytest.raises(ModelError, match=r"could pass the limit of cost: 0\.\d+ of 1 is spent"):
            writer.generate(
                [prompt(f"text {n}") for n in range(30)], SAMPLING, None, lambda number, _: arrived.append(number)
            )  # fmt: skip
        answered = len(seen.bodies)
        assert 7 <= answered <= 9
        assert len(arrived) == answered
        assert writer.account.spent == pytest.approx(0.1 * answered)
        with pytest.raises(ModelError, match="limit of cost"):
            EndpointGenerator(at, file).generate([prompt("x" * 200)], SAMPLING, None, lambda *_: None)
        assert len(seen.bodies) == answered
        raised = endpoint(seen.url, max_cost=5.0, **prices)
        EndpointGenerator(raised, file).generate([prompt("x")], SAMPLING, None, lambda *_: None)
    assert json.loads(file.read_text())["spent"] == pytest.approx(0.1 * (answered + 1))
    file.write_text("{}")
    with pytest.raises(StoreError, match="damaged"):
        EndpointGenerator(at, file).generate([prompt("x")], SAMPLING, None, lambda *_: None)


def test_a_failed_try_costs_nothing_and_one_that_broke_off_costs_the_most(tmp_path: Path) -> None:
    prices = {"price_in": 1000.0, "price_out": 1000.0, "max_cost": 50.0}
    with serving([Fail(500), Close(midway=True)], tokens=(60, 40)) as seen:
        writer = EndpointGenerator(endpoint(seen.url, **prices))
        writer.generate([prompt("x")], SAMPLING, None, lambda *_: None)
    assert (
        0.1 + 0.064 < writer.account.spent < 0.1 + 0.064 + 0.1
    )  # 64 written at most, and the prompt's bytes


def test_requests_and_tokens_a_minute_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.models.pacing.WINDOW_S", 1.0)
    with serving() as seen:
        asked(endpoint(seen.url, requests_per_minute=3, concurrency=8), *"abcdefgh")
    for first, fourth in zip(seen.times, seen.times[3:], strict=False):
        assert fourth - first >= 0.9
    with serving(tokens=(200, 50)) as seen:
        asked(endpoint(seen.url, tokens_per_minute=600, concurrency=1), *"abcd")
    assert seen.times[2] - seen.times[0] >= 0.9
    assert seen.times[1] - seen.times[0] < 0.9
    with pytest.raises(ModelError, match=r"may take .* tokens"):
        asked(endpoint(seen.url, tokens_per_minute=70), "a long prompt " * 10)


def test_two_clients_share_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.models.pacing.WINDOW_S", 1.5)
    with serving() as seen:
        at = endpoint(seen.url, requests_per_minute=2)
        threads = [
            threading.Thread(
                target=EndpointGenerator(at, tmp_path / "account.json").generate,
                args=([prompt(f"{n} {m}") for m in range(2)], SAMPLING, None, lambda *_: None),
            )
            for n in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seen.times) == 4
    assert seen.times[2] - seen.times[0] >= 1.3


def test_thoughts_before_an_answer_are_no_part_of_it() -> None:
    with serving([Says("<think>Let me see.\n{}</think>\n\nA pear."), Says("<think> is a tag")]) as seen:
        found = asked(endpoint(seen.url, concurrency=1, tokens_field="max_completion_tokens"), "a", "b")
    assert [each.text for each in found] == ["A pear.", "<think> is a tag"]
    assert seen.bodies[0]["max_completion_tokens"] == 64
    assert "max_tokens" not in seen.bodies[0]


class Task(BaseModel):
    model_config = ConfigDict(extra="forbid")
    instruction: str
    level: int


def test_json_of_a_shape_is_asked_for_checked_and_asked_again() -> None:
    good = '{"instruction": "Sing.", "level": 2}'
    script = [
        Says("I cannot"),
        Says('{"instruction": "Sing.", "level": "two"}'),
        Says(f"Here:\n```json\n{good}\n```"),
    ]
    with serving(script) as seen:
        writer = EndpointGenerator(endpoint(seen.url))
        found = structured(writer, [prompt("Make a task.")], SAMPLING, Task, 3, TextCache(None))
    assert found[0].value == Task(instruction="Sing.", level=2)
    assert seen.bodies[0]["response_format"]["json_schema"]["schema"]["required"] == ["instruction", "level"]
    assert "no JSON object" in seen.bodies[1]["messages"][-1]["content"]
    assert "level: Input should be a valid integer" in seen.bodies[2]["messages"][-1]["content"]
    assert [turn["role"] for turn in seen.bodies[2]["messages"]] == ["user", "assistant", "user"]
    assert len({body["seed"] for body in seen.bodies}) == 3


def test_json_that_stays_malformed_is_malformed_and_asked_a_bounded_number_of_times() -> None:
    with serving([Says("{"), Says('{"level": 1}'), Says("no")]) as seen:
        writer = EndpointGenerator(endpoint(seen.url, concurrency=1, structured="json_object"))
        prompts = [prompt("a")]
        found = structured(writer, prompts, SAMPLING, Task, 3, TextCache(None))
    assert (found[0].value, found[0].fault) == (None, "malformed")
    assert len(seen.bodies) == 3
    assert seen.bodies[0]["response_format"] == {"type": "json_object"}
    with serving([Says('{"instruction": "a', "length")] * 2) as seen:
        writer = EndpointGenerator(endpoint(seen.url, structured="off"))
        assert structured(writer, prompts, SAMPLING, Task, 2, TextCache(None))[0].fault == "cut"
    assert "response_format" not in seen.bodies[0]


def test_json_is_found_between_words_and_never_mended() -> None:
    good = '{"instruction": "a", "level": 1}'
    assert parse(f"Sure! {good} Good luck.", Task)[0] == Task(instruction="a", level=1)
    for bad in (good[:-1], good.replace('"a"', "1"), good.replace("}", ', "more": 2}'), "[" + good, ""):
        value, wrong = parse(bad, Task)
        assert bad == "[" + good or value is None
        assert wrong or value
