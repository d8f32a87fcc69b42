"""The report opened from disk in a real browser, wide and narrow: charts drawn, nothing wider than the screen."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import workbench as bench

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium; .ci/run installs it where apt-get can"),
]

MEASURE = """<!DOCTYPE html><iframe id="page" src="{page}" style="width:{width}px;height:9000px;border:0"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => setTimeout(() => {{
  const inside = frame.contentDocument;
  inside.querySelectorAll("details").forEach((each) => (each.open = true));
  frame.contentWindow.dispatchEvent(new Event("beforeprint")); // draws what is not in view as well
  setTimeout(() => {{
    const charts = inside.querySelectorAll(".chart");
    const drawn = inside.querySelectorAll(".chart .main-svg");
    document.title = [
      inside.documentElement.scrollWidth, charts.length, new Set([...drawn].map((each) => each.closest(".chart"))).size,
      inside.querySelectorAll("mark").length, inside.getElementById("no-charts").hidden,
    ].join(" ");
  }}, 10000);
}}, 1500);
</script>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a build of English and Chinese records in which every kind of section is filled."""
    home = tmp_path_factory.mktemp("browser")
    mail = {
        "instruction": "怎样联系你们？",
        "output": "请写信到 li.na@mail.example.cn ，我们会在两天以内回复。",
    }
    bench.write_jsonl(home / "data.jsonl", [*bench.records(200), mail])
    recipe = "name: made\nsources: [{name: made, path: data.jsonl}]\n" + bench.PLAIN.replace(
        "  - {stage: split", "  - {stage: scrub}\n  - {stage: split"
    )
    (home / "recipe.yaml").write_text(recipe, encoding="utf-8")
    ended = bench.run("build", "recipe.yaml", "--out", "out", cwd=home, timeout=300)
    assert ended.code == 0, ended.stderr
    return home


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_from_disk_and_fits_the_screen(folder: Path, width: int) -> None:
    harness = folder / f"harness{width}.html"
    harness.write_text(MEASURE.format(page="out/report/index.html", width=width), encoding="utf-8")
    ended = subprocess.run(
        [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--window-size=1400,9000",
            "--virtual-time-budget=40000", "--dump-dom", harness.as_uri(),
        ],
        check=True, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    found = re.search(r"<title>(\d+) (\d+) (\d+) (\d+) (true|false)</title>", ended.stdout)
    assert found, ended.stdout[-500:]
    wide, charts, drawn, marks, charts_work = found.groups()
    assert int(wide) <= width
    assert int(charts) >= 6
    assert drawn == charts
    assert int(marks) >= 2
    assert charts_work == "true"
    assert not re.findall(r"CONSOLE.*(?:Uncaught|Refused|Error)", ended.stderr)
