"""A real HTTP server that answers chat completions, and fails in the ways that real ones do, when told to.

Each request takes the next behaviour of a script; when the script is at its end, it is answered well. What came is
noted, so that a test can say what was sent, how often and when.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Writer = Callable[[dict[str, Any]], str]
"""Writes the answer to the body of a request."""


@dataclass(frozen=True)
class Fail:
    """Answers a status other than 200."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = '{"error": {"message": "no: secret words of the prompt", "code": "server_error"}}'


@dataclass(frozen=True)
class Stall:
    """Says nothing for a while."""

    seconds: float


@dataclass(frozen=True)
class Drip:
    """Sends a byte now and then, and never ends before `seconds` are over."""

    seconds: float


@dataclass(frozen=True)
class Close:
    """Closes the connection, before or in the midst of an answer."""

    midway: bool = False


@dataclass(frozen=True)
class Raw:
    """Answers 200 with this body, whatever it is."""

    body: str


@dataclass(frozen=True)
class Says:
    """Answers 200 with this text."""

    text: str
    finish: str = "stop"


Behaviour = Fail | Stall | Drip | Close | Raw | Says


@dataclass
class Seen:
    """What came: bodies, headers and times, in the order of arrival; and how many were under way at once."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    most_at_once: int = 0
    url: str = ""


def completion(text: str, finish: str = "stop", tokens: tuple[int, int] = (10, 5)) -> str:
    """Return the body of an answer."""
    return json.dumps(
        {
            "id": "1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
            "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]},
        },
        ensure_ascii=False,
    )  # fmt: skip


def echo(body: dict[str, Any]) -> str:
    """Answer with the last turn."""
    return f"answer to {body['messages'][-1]['content']}"


@contextlib.contextmanager
def serving(
    script: Sequence[Behaviour] = (),
    writer: Writer = echo,
    delay: float = 0.0,
    tokens: tuple[int, int] = (10, 5),
) -> Iterator[Seen]:
    """Serve on a free port of this machine; `Seen.url` is the address with its version."""
    seen, steps, lock = Seen(), list(script), threading.Lock()
    over = threading.Event()
    at_once = [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                seen.times.append(time.monotonic())
                seen.bodies.append(body)
                seen.headers.append(dict(self.headers.items()))
                step = steps.pop(0) if steps else None
                at_once[0] += 1
                seen.most_at_once = max(seen.most_at_once, at_once[0])
            try:
                over.wait(delay)
                self.act(step, body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with lock:
                    at_once[0] -= 1

        def act(self, step: Behaviour | None, body: dict[str, Any]) -> None:
            if self.path != "/v1/chat/completions":
                self.reply(404, "{}")
            elif isinstance(step, Fail):
                self.reply(step.status, step.body, step.headers)
            elif isinstance(step, Raw):
                self.reply(200, step.body)
            elif isinstance(step, Says):
                self.reply(200, completion(step.text, step.finish, tokens))
            elif isinstance(step, Stall):
                over.wait(step.seconds)
                self.close_connection = True
            elif isinstance(step, Close):
                if step.midway:
                    self.send_response(200)
                    self.send_header("Content-Length", "4000")
                    self.end_headers()
                    self.wfile.write(b'{"choices": [')
                    self.wfile.flush()
                self.close_connection = True
            elif isinstance(step, Drip):
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                until = time.monotonic() + step.seconds
                while time.monotonic() < until and not over.is_set():
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    over.wait(0.05)
                self.close_connection = True
            else:
                self.reply(200, completion(writer(body), tokens=tokens))

        def reply(self, status: int, text: str, headers: Sequence[tuple[str, str]] = ()) -> None:
            data = text.encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
