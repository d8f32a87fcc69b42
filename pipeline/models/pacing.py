"""How fast and how dearly an endpoint is used: a window of requests and tokens, and an account of the cost.

Both are kept in one small file beside the answers, held by one process at a time, so that several workers, and builds
that were killed, share one limit. A request is booked at the most it can cost (a token is at least one byte), and
rebooked when its answer says what it did cost; so the limit is never passed. Rejected: limits by process (four workers
would spend four times as much) and a stop after the limit was passed.
"""

from __future__ import annotations

import fcntl
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import ModelError, StoreError
from pipeline.models.endpoint import Endpoint
from pipeline.store import replacing, storage_error

WINDOW_S = 60.0
_MILLION = 1_000_000


@dataclass(slots=True)
class Booking:
    """A request under way: when it was booked (seconds since 1970), tokens and cost at most."""

    at: float
    tokens: int
    cost: float


@dataclass(slots=True)
class _State:
    spent: float = 0.0
    recent: list[Booking] = field(default_factory=list)


class Account:
    """What one model of one endpoint has cost, and what was sent to it within the last minute.

    Args:
        endpoint: its limits and prices.
        file: where the account is kept; None keeps it for this process only.
        now: seconds since 1970.
    """

    def __init__(self, endpoint: Endpoint, file: Path | None, now: Callable[[], float] = time.time) -> None:
        self._endpoint = endpoint
        self._file = file
        self._now = now
        self._changed = threading.Condition()
        self._owner = threading.Lock()
        self._state = _State()
        self._open: list[Booking] = []
        self._pause_until = 0.0

    @property
    def spent(self) -> float:
        """What has been spent, in the recipe's currency."""
        return self._state.spent

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the account to oneself: other processes that use the endpoint wait.

        Raises:
            StoreError: the account cannot be read or written.
        """
        with self._owner:
            if self._file is None:
                yield
                return
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                lock = self._file.with_suffix(".lock").open("w")
            except OSError as error:
                raise storage_error(self._file, error) from error
            with lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._load(self._file)
                yield

    def book(self, tokens_in: int, tokens_out: int, stopped: threading.Event) -> Booking | None:
        """Wait until a request may be sent, and book it; None if everything was stopped meanwhile.

        Args:
            tokens_in, tokens_out: read and written at most.
            stopped: set when another request failed for good.

        Raises:
            ModelError: the request could pass the limit of cost, or alone passes that of tokens a minute.
        """
        cost, tokens = self.cost(tokens_in, tokens_out), tokens_in + tokens_out
        allowed = self._endpoint.tokens_per_minute
        if allowed is not None and tokens > allowed:
            raise ModelError(
                f"a request to {self._endpoint.name} may take {tokens} tokens; the recipe allows {allowed} a minute",
                "raise `tokens_per_minute` to what the provider allows, or lower `max_tokens`",
            )
        with self._changed:
            while not stopped.is_set():
                if self._fits(cost):
                    wait = self._wait(tokens)
                    if wait <= 0:
                        booking = Booking(self._now(), tokens, cost)
                        self._open.append(booking)
                        self._state.recent.append(booking)
                        return booking
                    self._changed.wait(min(wait, 1.0))
                else:
                    self._changed.wait(1.0)
        return None

    def settle(self, booking: Booking, tokens: int | None, cost: float) -> None:
        """Put in place of a booking what it took; tokens None keeps those that were booked."""
        with self._changed:
            self._open.remove(booking)
            if tokens is not None:
                booking.tokens = tokens
            self._state.spent += cost
            if cost:
                self._save()
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Send nothing for a while: the server asked for it."""
        with self._changed:
            self._pause_until = max(self._pause_until, self._now() + seconds)

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        """Return what these tokens cost."""
        return (tokens_in * self._endpoint.price_in + tokens_out * self._endpoint.price_out) / _MILLION

    def close(self) -> None:
        """Write down what was sent within the last minute, for the next process."""
        with self._changed:
            self._save()

    def _fits(self, cost: float) -> bool:
        """Tell whether a request fits the limit beside those under way.

        Raises:
            ModelError: it does not, and none under way could turn out cheaper.
        """
        most = self._endpoint.max_cost
        if most is None or self._state.spent + sum(b.cost for b in self._open) + cost <= most:
            return True
        if self._open:
            return False
        raise ModelError(
            f"the next request to {self._endpoint.name} could pass the limit of cost:"
            f" {self._state.spent:.4f} of {most:g} is spent, and it may cost {cost:.4f}",
            "raise `max_cost` in the recipe and run the same command again: what was answered is kept",
        )

    def _wait(self, tokens: int) -> float:
        """Return how many seconds until the window has room; 0 or less where it has."""
        now = self._now()
        self._state.recent = [b for b in self._state.recent if now - WINDOW_S < b.at <= now + WINDOW_S]
        recent = self._state.recent
        wait = self._pause_until - now
        requests, allowed = self._endpoint.requests_per_minute, self._endpoint.tokens_per_minute
        if requests is not None and len(recent) >= requests:
            wait = max(wait, recent[-requests].at + WINDOW_S - now)
        if allowed is not None:
            total = tokens + sum(b.tokens for b in recent)
            for booking in recent:
                if total <= allowed:
                    break
                total -= booking.tokens
                wait = max(wait, booking.at + WINDOW_S - now)
        return wait

    def _load(self, file: Path) -> None:
        if not file.exists():
            return
        try:
            kept = json.loads(file.read_text("utf-8"))
            self._state.spent = float(kept["spent"])
            self._state.recent = [Booking(float(at), int(tokens), 0.0) for at, tokens in kept["recent"]]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{file} is damaged: what the endpoint has cost is not known", "delete it to begin at 0"
            ) from error

    def _save(self) -> None:
        if self._file is None:
            return
        recent = [[booking.at, booking.tokens] for booking in self._state.recent]
        with replacing(self._file) as temporary:
            temporary.write_text(json.dumps({"spent": self._state.spent, "recent": recent}), encoding="utf-8")
