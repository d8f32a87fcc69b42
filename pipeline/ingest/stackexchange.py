"""Posts.xml of a Stack Exchange dump: each question with the answer that was chosen for it.

The chosen answer is the accepted one, else the one with the highest score (the older of equals). Answers
wait in an SQLite file on disk while the questions are read, so memory does not grow with the dump. An
answer that was not chosen is counted in its question's record (`answers`) and in the log: nothing is wrong
with it, so it is no reject. Rejected: a dictionary of all answers (a large site has tens of millions).
"""

from __future__ import annotations

import logging
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.ingest.columns import as_word
from pipeline.ingest.html_text import html_to_text
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.units import EMPTY, NO_QUESTION, OTHER_POST, UNANSWERED, Bad, Broken, Unit
from pipeline.ingest.xml_events import Path_, records

log = logging.getLogger(__name__)

_QUESTION, _ANSWER = "1", "2"
_TAG = re.compile(r"[^<>|]+")
_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
CREATE TABLE questions (id INTEGER PRIMARY KEY);
CREATE TABLE answers (id INTEGER PRIMARY KEY, question INTEGER, score INTEGER, line INTEGER, body TEXT,
                      user TEXT, created TEXT);
"""
_CHOSEN = """SELECT id, score, body, user, created FROM answers WHERE question = ?
             ORDER BY (id = ?) DESC, score DESC, id LIMIT 1"""
_ORPHANS = """SELECT line FROM answers WHERE question NOT IN (SELECT id FROM questions) ORDER BY line"""


def read_posts(path: Path, spec: SourceSpec, wanted: Path_) -> Iterator[Unit | Bad]:
    """Yield a unit for each question, {question, answer, ...}, and a `Bad` for each post that joins none.

    Raises:
        SourceError: the disk for temporary files is full.
        Broken: the file breaks off; questions before the damage have been yielded.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder, "answers.sqlite"))
        try:
            broken = _collect(database, path, spec, wanted)
            yield from _join(database, path, spec, wanted)
            if broken is not None:
                raise broken
        except sqlite3.OperationalError as error:
            raise SourceError(
                f"{path}: its answers cannot be set aside in {folder} ({error})",
                "free the disk for temporary files, or set TMPDIR to a folder with room for all answers",
            ) from error
        finally:
            database.close()


def _collect(database: sqlite3.Connection, path: Path, spec: SourceSpec, wanted: Path_) -> Broken | None:
    """Set all answers aside; a break in the file is returned, for the second reading to stop there."""
    database.executescript(_SCHEMA)
    try:
        for record in records(path, spec, wanted):
            if isinstance(record, Bad):
                continue
            post = record.element.attrib
            number = _whole_number(post.get("Id"))
            if post.get("PostTypeId") == _QUESTION:
                database.execute("INSERT OR IGNORE INTO questions VALUES (?)", (number,))
            elif post.get("PostTypeId") == _ANSWER:
                row = (
                    number, _whole_number(post.get("ParentId")), _whole_number(post.get("Score")), record.line,
                    post.get("Body", ""), _user(post), post.get("CreationDate", ""),
                )  # fmt: skip
                database.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    except Broken as error:
        return error
    finally:
        database.execute("CREATE INDEX by_question ON answers (question)")
    return None


def _join(database: sqlite3.Connection, path: Path, spec: SourceSpec, wanted: Path_) -> Iterator[Unit | Bad]:
    chosen = 0
    answers = database.execute("SELECT count(*) FROM answers").fetchone()[0]
    try:
        for record in records(path, spec, wanted):
            if isinstance(record, Bad):
                yield record
            elif record.element.get("PostTypeId") == _QUESTION:
                unit = _question(database, record.line, record.element.attrib)
                chosen += isinstance(unit, Unit)
                yield unit
            elif record.element.get("PostTypeId") != _ANSWER:
                kind = record.element.get("PostTypeId", "none")
                yield Bad(
                    record.line, OTHER_POST, f"post of type {as_word(kind)}, neither question nor answer"
                )
    except Broken:
        pass  # the first reading met it as well, and the caller raises it at the end
    orphans = 0
    for (line,) in database.execute(_ORPHANS):
        orphans += 1
        yield Bad(line, NO_QUESTION, "an answer to a question that is not in the file")
    log.info(
        "%s: %d questions with their accepted or best answer; %d other answers of theirs are not read",
        path.name, chosen, answers - orphans - chosen,
    )  # fmt: skip


def _question(database: sqlite3.Connection, line: int, post: dict[str, str]) -> Unit | Bad:
    number, accepted = _whole_number(post.get("Id")), _whole_number(post.get("AcceptedAnswerId"))
    found = database.execute(_CHOSEN, (number, accepted)).fetchone()
    if found is None:
        return Bad(line, UNANSWERED, "a question without an answer")
    answer_id, score, body, user, created = found
    title, text, answer = (
        post.get("Title", "").strip(),
        html_to_text(post.get("Body", "")),
        html_to_text(body),
    )
    if not answer:
        return Bad(line, UNANSWERED, "a question whose answer is empty")
    if not (title or text):
        return Bad(line, EMPTY, "a question without text")
    count = database.execute("SELECT count(*) FROM answers WHERE question = ?", (number,)).fetchone()[0]
    value: dict[str, object] = {
        "question": f"{title}\n\n{text}".strip(),
        "answer": answer,
        "question_id": number,
        "answer_id": answer_id,
        "accepted": answer_id == accepted,
        "answers": count,
        "question_score": _whole_number(post.get("Score")),
        "answer_score": score,
        "topics": _TAG.findall(post.get("Tags", "")),
        "question_user": _user(post),
        "answer_user": user,
        "question_created": post.get("CreationDate", ""),
        "answer_created": created,
    }
    if "ContentLicense" in post:
        value["license"] = post["ContentLicense"]
    return Unit(line, value)


def _user(post: dict[str, str]) -> str:
    return post.get("OwnerUserId") or post.get("OwnerDisplayName", "")


def _whole_number(text: str | None) -> int:
    """Return a number of an attribute; 0, which no post has, where it is none."""
    try:
        return int(text or 0)
    except ValueError:
        return 0
