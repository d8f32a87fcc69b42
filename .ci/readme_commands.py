"""Prints one of the two commands of the README as it is written there, so that CI runs what a newcomer copies."""

import re
import sys
from pathlib import Path

NUMBERS = {"build": 1, "test": 2}


def command(name: str) -> str:
    """Return the README's command that is marked `# 1:` (build) or `# 2:` (test)."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^\s*(pip install .+?)\s+# {NUMBERS[name]}:", text, flags=re.MULTILINE)
    if len(found) != 1:
        raise SystemExit(
            f"the README must hold one command marked `# {NUMBERS[name]}:`, it holds {len(found)}"
        )
    return found[0]


if __name__ == "__main__":
    print(command(sys.argv[1]))
