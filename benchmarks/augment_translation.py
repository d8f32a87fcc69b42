"""Measures back-translation by Apertium: prompts a second there and back, beside the `apertium` wrapper.

    python benchmarks/augment_translation.py dolly_3k.json.gz              # the prompts of JSON records
    python benchmarks/augment_translation.py dolly_3k.json.gz --wrapper 50 # and as many by one process a sentence

The whole method is timed (sentences cut, translated both ways, changes chosen), nothing cached, by wall clock and by
the CPU time of this process and of Apertium's commands; on a machine that others use, the CPU time is the one to read.
The wrapper is called as its manual says, a process a sentence and direction, on the first prompts of the same list.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from pipeline.augment.back_translation import BackTranslation  # noqa: E402
from pipeline.augment.back_translation_params import BackTranslationParams  # noqa: E402
from pipeline.augment.protect import KINDS, Guard  # noqa: E402
from pipeline.augment.protocol import Ask, Child  # noqa: E402
from pipeline.augment.stand_ins import NAMES, mask  # noqa: E402
from pipeline.augment.to_translate import sentences  # noqa: E402
from pipeline.models import Models  # noqa: E402
from pipeline.models.apertium import SECONDS, Apertium, mode_file  # noqa: E402

CORES = 2
PAIRS = ("eng-spa", "spa-eng")


def read(path: Path) -> list[str]:
    """Return the distinct prompts of Alpaca-like records."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(dict.fromkeys(row["instruction"] for row in json.loads(data)))


def cpu() -> float:
    """Return CPU seconds of this process and of those that it has ended."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def ours(prompts: list[str]) -> tuple[float, float, int]:
    """Return wall and CPU seconds of one pass over all prompts, commands started and ended, and its children."""
    models, guard, params = Models(), Guard(), BackTranslationParams()
    asks = [
        Ask({"system": "", "instruction": prompt, "input": "", "output": ""}, (), "en", f"{n:032x}", 0)
        for n, prompt in enumerate(prompts)
    ]
    wall, used = time.perf_counter(), cpu()
    answers = BackTranslation().children(asks, params, guard, models)
    wall = time.perf_counter() - wall
    for pair in PAIRS:
        translator = models.apertium(str(mode_file(pair)), SECONDS)
        assert isinstance(translator, Apertium)
        translator.close()
    return wall, cpu() - used, sum(isinstance(answer, Child) for answer in answers)


def translators(prompts: list[str]) -> float:
    """Return CPU seconds of both translators alone, on all sentences of all prompts, what could not change as well."""
    guard, hidden = Guard(), set(KINDS) - {"number", "name"}
    protected = [guard.protect(prompt) for prompt in prompts]
    cut = [(each, sentence) for each in protected for sentence in sentences(each)]
    masked = [mask(each, sentence.start, sentence.stop, NAMES, hidden) for each, sentence in cut]
    texts = [each.text for each in masked if each is not None]
    used = cpu()
    for pair in PAIRS:
        translator = Apertium(mode_file(pair))
        texts = translator.translate(texts)
        translator.close()
    return cpu() - used


def wrapper(prompts: list[str]) -> tuple[float, float]:
    """Return wall and CPU seconds of the `apertium` command, once a prompt and direction."""
    wall, used = time.perf_counter(), cpu()
    for prompt in prompts:
        text = " ".join(prompt.split())
        for pair in PAIRS:
            done = subprocess.run(["apertium", pair], input=text, text=True, capture_output=True, check=True)
            text = done.stdout
    return time.perf_counter() - wall, cpu() - used


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path)
    parser.add_argument("--wrapper", type=int, default=20, help="prompts for the wrapper; 0 leaves it out")
    options = parser.parse_args()
    prompts = read(options.records)
    ours(["Who wrote the letter that I read this morning?"])  # files of the dictionaries are read once
    wall, used, children = ours(prompts)
    print(
        f"{platform.machine()}, Python {platform.python_version()}; {len(prompts)} prompts of {options.records.name}"
    )
    print(f"round trip: wall {wall:.1f} s ({len(prompts) / wall:.0f}/s), CPU {used:.1f} s: "
          f"{CORES * len(prompts) / used:.0f} prompts a second on {CORES} cores of one's own")  # fmt: skip
    alone = translators(prompts)
    print(
        f"the translators alone, every sentence: CPU {alone:.1f} s: {CORES * len(prompts) / alone:.0f} prompts a second"
    )
    print(f"children: {children} ({children / len(prompts):.1%} of the prompts)")
    if options.wrapper:
        some = prompts[: options.wrapper]
        plain_wall, plain = wrapper(some)
        ratio = (plain / len(some)) / (alone / len(prompts))
        print(f"`apertium`, a process a sentence: CPU {plain / len(some) * 1000:.0f} ms a prompt "
              f"(wall {plain_wall / len(some) * 1000:.0f} ms), {ratio:.0f} times that")  # fmt: skip


if __name__ == "__main__":
    main()
