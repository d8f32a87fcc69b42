"""How long the report of a build takes, how much memory, and how large the page is.

python benchmarks/report_speed.py builds/sample
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from quality.report import read_inputs, read_manifest, render


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build", type=Path)
    build = parser.parse_args().build
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    began = time.perf_counter()
    manifest = read_manifest(build)
    inputs = read_inputs(build, manifest)
    read = time.perf_counter()
    page = render(inputs)
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"records {manifest['counts']['records']:,}, examples {sum(len(each.examples) for each in inputs.reasons)}"
    )
    print(f"read {read - began:.2f} s, render {ended - read:.2f} s, page {len(page.encode()) / 1e6:.2f} MB")
    print(f"peak memory {peak} MiB, {before} MiB of it before")


if __name__ == "__main__":
    main()
