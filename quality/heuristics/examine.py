"""All findings about one record's texts, in one pass.

The tests share their preparation (an input that says "none" is no input, earlier turns belong to the prompt),
so they run together and give plain numbers and rule names; what is too much is decided elsewhere.
Rejected: each test preparing for itself, which reads every text four times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quality.heuristics.context import missing_context
from quality.heuristics.echo import echo, likeness
from quality.heuristics.form import symbol_ratio, unclosed_fence
from quality.heuristics.lexicon import section
from quality.heuristics.merged import merged
from quality.heuristics.placeholder import blank_input, is_empty, placeholder
from quality.heuristics.refusal import refusal
from quality.heuristics.repetition import repetition

FLOOR = 0.1
"""Below this share nobody asks whether the prompt wanted it: no threshold should be lower."""

_EARLIER = 4
_LONGEST = 8000


@dataclass(frozen=True, slots=True)
class Findings:
    """What the tests say of one record; rule names are "" where no rule matched, shares lie in [0, 1].

    Args:
        chars: visible characters of the response; 0 leaves every test of the response unrun.
        empty_prompt: instruction and input show nothing; empty_instruction: only the input shows something.
        placeholder, merged, refusal: the rule by which the record is one.
        needs, needs_rule: what the task lacks (`image`, `audio`, `web_page`) and the rule that says so.
        refusal_help: columns of text that help in spite of a refusal (a Chinese character is two).
        repetition, repeated_lines, loop: see `repetition`; repetition_asked: the prompt wants it.
        symbol_ratio, symbols_asked: share of symbols in the response; the prompt wants them.
        unclosed_fence: a code fence is left open.
        echo, echo_input: likeness of the response to its prompt, and to its input alone.
        copy_asked, edit_asked: the prompt asks to repeat a text, or to edit or search one.
    """

    chars: int = 0
    empty_prompt: bool = False
    empty_instruction: bool = False
    placeholder: str = ""
    needs: str = ""
    needs_rule: str = ""
    merged: str = ""
    refusal: str = ""
    refusal_help: int = 0
    repetition: float = 0.0
    repeated_lines: float = 0.0
    loop: float = 0.0
    repetition_asked: bool = False
    symbol_ratio: float = 0.0
    symbols_asked: bool = False
    unclosed_fence: bool = False
    echo: float = 0.0
    echo_input: float = 0.0
    copy_asked: bool = False
    edit_asked: bool = False


def examine(
    instruction: str,
    input_: str,
    response: str,
    *,
    system: str = "",
    earlier: Sequence[str] = (),
    ngram_words: int = 5,
    ngram_chars: int = 8,
    min_repetition_units: int = 30,
    min_symbol_chars: int = 20,
) -> Findings:
    """Run every test over the texts of one record.

    Args:
        instruction, input_, response: the texts; absent ones are "".
        system: the system prompt.
        earlier: what the user said in earlier turns, oldest first.
        ngram_words, ngram_chars, min_repetition_units: see `repetition`.
        min_symbol_chars: visible characters below which symbols are not measured.
    """
    input_ = blank_input(input_)
    prompt = f"{instruction}\n{input_}" if input_ else instruction
    no_prompt = is_empty(prompt)
    no_task = not no_prompt and is_empty(instruction)
    if is_empty(response):
        return Findings(empty_prompt=no_prompt, empty_instruction=no_task)
    asked = "\n".join([system, *earlier[-_EARLIER:], prompt]) if system or earlier else prompt
    asked = asked[-_LONGEST:]
    needs = missing_context(instruction, input_, response, earlier_turns=bool(earlier))
    declined = refusal(response, prompt)
    again = repetition(
        response, ngram_words=ngram_words, ngram_chars=ngram_chars, min_units=min_repetition_units
    )
    symbols = symbol_ratio(response, min_symbol_chars)
    echo_input = likeness(response, input_)
    echo_prompt = echo(response, instruction, prompt)
    alike = max(echo_prompt, echo_input) >= FLOOR
    return Findings(
        chars=len(response.strip()),
        empty_prompt=no_prompt,
        empty_instruction=no_task,
        placeholder=placeholder(response, asked),
        needs=needs.kind,
        needs_rule=needs.rule,
        merged=merged(instruction, input_, response),
        refusal=declined.rule,
        refusal_help=declined.help,
        repetition=again.ngrams,
        repeated_lines=again.lines,
        loop=again.loop,
        repetition_asked=max(again.ngrams, again.lines) >= FLOOR and _asks("repetition", asked),
        symbol_ratio=symbols,
        symbols_asked=symbols >= FLOOR and _asks("symbols", asked),
        unclosed_fence=unclosed_fence(response),
        echo=echo_prompt,
        echo_input=echo_input,
        copy_asked=alike and _asks("copy", asked),
        edit_asked=alike and _asks("edit", asked),
    )


def _asks(what: str, prompt: str) -> bool:
    return section(f"asks.{what}").matches(prompt.lower())
