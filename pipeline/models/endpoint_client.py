"""Writes texts with an OpenAI-compatible endpoint over HTTP, and lives with one that fails.

Tried again, after waits that double and are drawn from the prompt's own digest: no connection, a connection that
breaks, a stall, an answer that is no answer, and the statuses that mean "later" (408, 425, 429, 5xx); `Retry-After` is
honoured. Everything else stops the build at once: asking a wrong address again is no cure. What is told of a failure
is the address, the status and the provider's code for it; never its words, which may repeat the prompt or the key.
Rejected: httpx's own retries (connections only) and one timeout (a server that drips a byte a second never ends).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import ModelError
from pipeline.models.endpoint import Endpoint, endpoint_identity
from pipeline.models.generator import CUT, FILTERED, TOO_LONG, Arrived, Generation, Prompt, Sampling, Shape
from pipeline.models.pacing import Account, Booking
from pipeline.store import digest

if TYPE_CHECKING:
    import httpx

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_NO_MORE = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_TOO_LONG = frozenset({"context_length_exceeded", "string_above_max_length"})
_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_MOST_BYTES = 8 << 20
_TURN_TOKENS = 16
"""Tokens that a turn takes besides its text, at most: its role and the marks around it."""

_HINTS = {
    401: "check the key in the variable that `key_env` names",
    403: "check that the key may use this model",
    404: "check `url` (with its version, such as /v1) and `model`",
}


@dataclass(frozen=True, slots=True)
class _Later:
    """Why a try came to nothing, and the seconds that the server asks to wait."""

    why: str
    seconds: float = 0.0


class EndpointGenerator:
    """A client of one endpoint.

    Args:
        endpoint: as the recipe names it.
        account: the file of what it has cost; None keeps it for this process.

    Raises:
        ModelError: the key it wants is not in the environment.
    """

    def __init__(self, endpoint: Endpoint, account: Path | None = None) -> None:
        self.identity = endpoint_identity(endpoint)
        self._endpoint = endpoint
        self.account = Account(endpoint, account)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, shape: Shape | None, arrived: Arrived
    ) -> None:
        """Answer prompts, several at a time, each handed over as it comes.

        Raises:
            ModelError: the endpoint is down, refuses, or would cost more than allowed.
        """
        stopped = threading.Event()
        with self.account.held(), self._client() as client:
            pool = ThreadPoolExecutor(self._endpoint.concurrency, "endpoint")
            try:
                waiting = {
                    pool.submit(self._answer, client, prompt, sampling, shape, stopped): number
                    for number, prompt in enumerate(prompts)
                }
                _hand_over(waiting, arrived, stopped)
            finally:
                stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)
                self.account.close()

    def _client(self) -> httpx.Client:
        import httpx

        key = self._endpoint.key()
        return httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(
                min(self._endpoint.read_timeout_s, self._endpoint.timeout_s),
                connect=self._endpoint.connect_timeout_s,
                pool=None,
            ),
            limits=httpx.Limits(max_connections=self._endpoint.concurrency),
        )

    def _answer(
        self,
        client: httpx.Client,
        prompt: Prompt,
        sampling: Sampling,
        shape: Shape | None,
        stopped: threading.Event,
    ) -> Generation | None:
        """Return the answer to a prompt; None if stopped meanwhile. A failure for good stops the others at once."""
        try:
            return self._tried(client, prompt, sampling, shape, stopped)
        except BaseException:
            stopped.set()
            raise

    def _tried(
        self,
        client: httpx.Client,
        prompt: Prompt,
        sampling: Sampling,
        shape: Shape | None,
        stopped: threading.Event,
    ) -> Generation | None:
        """Return the answer to a prompt, after as many tries as it takes; None if stopped meanwhile."""
        body = self._body(prompt, sampling, shape)
        tokens = len(json.dumps(body["messages"], ensure_ascii=False).encode()) + _TURN_TOKENS * len(
            prompt.messages
        )
        tokens += len(shape.schema.encode()) if shape else 0
        later = _Later("")
        for number in range(self._endpoint.tries):
            if number and stopped.wait(self._pause(later, prompt.seed, number)):
                return None
            booking = self.account.book(tokens, sampling.max_tokens, stopped)
            if booking is None:
                return None
            found = self._once(client, body, booking)
            if isinstance(found, Generation):
                return found
            later = found
            if later.seconds:
                self.account.pause(min(later.seconds, self._endpoint.longest_wait_s))
        raise ModelError(
            f"the endpoint {self._endpoint.name} gives no answer: {later.why}, {self._endpoint.tries} times",
            f"see that it runs and can be reached (curl {self._endpoint.url}/models), then run the same command again:"
            " what was answered is kept",
            outside=True,
        )

    def _pause(self, later: _Later, seed: str, number: int) -> float:
        """Return the seconds to wait before another try.

        Raises:
            ModelError: the server asks for more than the recipe waits.
        """
        longest = self._endpoint.longest_wait_s
        if later.seconds > longest:
            raise ModelError(
                f"the endpoint {self._endpoint.name} ({later.why}) asks to wait {later.seconds:.0f} seconds",
                f"run the same command again after that: what was answered is kept; `longest_wait_s` is {longest:g}",
                outside=True,
            )
        jitter = int(digest(seed, number)[:8], 16) / 0xFFFFFFFF
        doubled: float = self._endpoint.backoff_s * 2.0 ** (number - 1)
        return max(later.seconds, min(longest, doubled * (0.5 + jitter)))

    def _once(self, client: httpx.Client, body: dict[str, Any], booking: Booking) -> Generation | _Later:
        """Send a request once, and settle what it was booked at.

        Raises:
            ModelError: the endpoint refuses for good.
        """
        import httpx

        cost = booking.cost  # of what breaks off midway nobody tells us the price
        tokens: int | None = None
        try:
            status, headers, text = self._send(client, body)
            if status != 200:
                tokens, cost = 0, 0.0
                return self._refused(status, headers, text)
            found = _parsed(text)
            if found is None:
                return _Later("status 200 without an answer in it")
            generation, used = found
            if used is not None:
                tokens, cost = sum(used), self.account.cost(*used)
            return generation
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            tokens, cost = 0, 0.0
            return _Later(f"no connection ({type(error).__name__})")
        except (TimeoutError, httpx.TimeoutException):
            return _Later("no whole answer in time")
        except httpx.TransportError as error:
            return _Later(f"the connection broke ({type(error).__name__})")
        finally:
            self.account.settle(booking, tokens, cost)

    def _send(self, client: httpx.Client, body: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        """Return status, headers and body of an answer.

        Raises:
            TimeoutError: the whole took too long.
            httpx.TransportError: there was no whole answer.
        """
        deadline = time.monotonic() + self._endpoint.timeout_s
        parts: list[bytes] = []
        size = 0
        with client.stream("POST", f"{self._endpoint.url}/chat/completions", json=body) as response:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if time.monotonic() > deadline:
                    raise TimeoutError
                if size > _MOST_BYTES:
                    raise ModelError(
                        f"the endpoint {self._endpoint.name} sent more than {_MOST_BYTES >> 20} MB for one answer",
                        "check `url`: this is no chat completion",
                    )
            return response.status_code, response.headers, b"".join(parts)

    def _refused(self, status: int, headers: httpx.Headers, text: bytes) -> Generation | _Later:
        """Return what a status other than 200 means for its prompt.

        Raises:
            ModelError: it concerns all prompts, and no time will mend it.
        """
        code = _code(text)
        if code in _TOO_LONG or status == 413:
            return Generation("", TOO_LONG)
        if code in _FILTERED:
            return Generation("", FILTERED)
        told = f"status {status}" + (f", {code}" if code else "")
        if status in _LATER and code not in _NO_MORE:
            return _Later(told, _retry_after(headers.get("Retry-After", "")))
        raise ModelError(
            f"the endpoint {self._endpoint.name} refuses: {told}",
            _HINTS.get(
                status, "check `url`, `model`, `structured` and `send_seed` against the server's manual"
            ),
        )

    def _body(self, prompt: Prompt, sampling: Sampling, shape: Shape | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [{"role": each.role, "content": each.content} for each in prompt.messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            self._endpoint.tokens_field: sampling.max_tokens,
        }
        if self._endpoint.send_seed:
            body["seed"] = int(digest(prompt.seed)[:7], 16)  # 28 bits: some servers read 32, with a sign
        if shape is not None and self._endpoint.structured == "json_schema":
            named = {"name": shape.name, "schema": shape.parsed(), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif shape is not None and self._endpoint.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body


def _hand_over(
    waiting: dict[Future[Generation | None], int], arrived: Arrived, stopped: threading.Event
) -> None:
    """Hand answers over as they come; after a failure those under way still, and then the failure."""
    failure: BaseException | None = None
    pending = set(waiting)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=waiting.__getitem__):
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                found = future.result()
                if found is not None:
                    arrived(waiting[future], found)
            elif failure is None:
                failure = error
                stopped.set()
                for other in pending:
                    other.cancel()
    if failure is not None:
        raise failure


def _parsed(text: bytes) -> tuple[Generation, tuple[int, int] | None] | None:
    """Return the answer in a body and the tokens read and written; None where there is no answer."""
    try:
        answer = json.loads(text)
        choice = answer["choices"][0]
        content = choice["message"].get("content")
        reason = choice.get("finish_reason")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    if reason == "content_filter" or (content is None and choice["message"].get("refusal")):
        generation = Generation("", FILTERED)
    elif not isinstance(content, str):
        return None
    else:
        generation = Generation(content, CUT if reason == "length" else "")
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return generation, None
    used = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not all(isinstance(count, int) and count >= 0 for count in used):
        return generation, None
    return generation, (int(used[0] or 0), int(used[1] or 0))


def _code(text: bytes) -> str:
    """Return the provider's code for an error, where it is a name; its words are not read."""
    try:
        error = json.loads(text)["error"]
        code = error.get("code") or error.get("type")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return ""
    return code if isinstance(code, str) and re.fullmatch(r"[a-z][a-z_]{2,40}", code) else ""


def _retry_after(value: str) -> float:
    """Return the seconds that a `Retry-After` names, in seconds or as a date (RFC 9110, 10.2.3); 0 for none."""
    value = value.strip()
    if re.fullmatch(r"\d{1,9}(?:\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
