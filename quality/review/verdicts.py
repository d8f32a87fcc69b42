"""Many people's decisions as one outcome a text: by majority, and nothing where there is none.

Who answers twice about the same text has changed their mind: the later answer counts, and a different earlier one is
listed. Two lines of the queue about one record are one text, so they never count twice. Edits agree only if their new
texts do. A tie is nobody's decision: it goes back to people. Rejected: weighting annotators by their agreement
(needs far more answers than such files hold).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from quality.agreement import alpha, wilson
from quality.review.decisions import Decision

Text = tuple[str, str]
"""A text that people judged: the record's root, and the text key."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What people together decided about one text.

    Args:
        verdict: accept, reject, edit, or tie: as many said one thing as another.
        fields: the new texts of an edit.
        votes: how many said what, sorted.
        answers: what each annotator said, sorted by annotator.
        sample: the record belongs to the random sample.
    """

    verdict: str
    fields: tuple[tuple[str, str], ...]
    votes: tuple[tuple[str, int], ...]
    answers: tuple[tuple[str, str], ...]
    sample: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two different answers of one person about one text: the earlier, and the later, which counts."""

    earlier: str
    later: str


@dataclass(frozen=True, slots=True)
class Consistency:
    """The share of sampled records that people accepted as they are, with Wilson's 95 % interval."""

    accepted: int
    judged: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Accepted of those judged."""
        return self.accepted / self.judged


def combine(decisions: Iterable[Decision]) -> tuple[dict[Text, Outcome], list[Conflict]]:
    """Return the outcome of every text, and who contradicted themselves.

    Args:
        decisions: in the order they were made; of two by one annotator on one text the later counts.
    """
    last: dict[Text, dict[str, Decision]] = {}
    sampled: set[Text] = set()
    conflicts: list[Conflict] = []
    for each in decisions:
        text = (each.root, each.text_key)
        before = last.setdefault(text, {}).get(each.annotator)
        if before is not None and _said(before) != _said(each):
            conflicts.append(Conflict(before.where, each.where))
        last[text][each.annotator] = each
        if each.sample:
            sampled.add(text)
    outcomes = {text: _outcome(said, text in sampled) for text, said in sorted(last.items())}
    return outcomes, conflicts


def _said(decision: Decision) -> tuple[str, tuple[tuple[str, str], ...]]:
    return decision.verdict, decision.fields


def _outcome(said: dict[str, Decision], sample: bool) -> Outcome:
    ballots = Counter(_said(each) for each in said.values())
    ordered = sorted(ballots.items(), key=lambda item: (-item[1], item[0]))
    tied = len(ordered) > 1 and ordered[0][1] == ordered[1][1]
    verdict, fields = ("tie", ()) if tied else ordered[0][0]
    votes = Counter(each.verdict for each in said.values())
    answers = tuple((person, said[person].verdict) for person in sorted(said))
    return Outcome(verdict, fields, tuple(sorted(votes.items())), answers, sample)


def consistency(outcomes: Iterable[Outcome]) -> Consistency | None:
    """Return the label consistency over the random sample, or None where nobody judged any of it.

    A tie is judged and not accepted. Flagged records and those near a threshold are left out unless they were drawn:
    they are the doubtful ones, and would make the dataset look worse than it is.
    """
    judged = [each for each in outcomes if each.sample]
    if not judged:
        return None
    accepted = sum(each.verdict == "accept" for each in judged)
    return Consistency(accepted, len(judged), *wilson(accepted, len(judged)))


def agreement(outcomes: Iterable[Outcome]) -> float | None:
    """Return Krippendorff's alpha over all texts with several answers, or None where it is not defined."""
    return alpha([dict(each.answers) for each in outcomes])
