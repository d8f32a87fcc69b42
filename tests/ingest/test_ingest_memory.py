"""Large inputs in bounded memory: compressed, in an archive, in another encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
import zipfile
from functools import partial
from pathlib import Path

import pytest
from backports import zstd

MEASURED = """
import resource, sys
from pathlib import Path
from pipeline.ingest import SourceSpec, find_files, ingest_file, input_digest
def read(path):
    spec = SourceSpec(name="s", path=path, max_unpacked_ratio=10**6)
    (file,) = find_files(spec, Path())
    input_digest(file, spec)
    return ingest_file(file, spec, 1000, lambda table: None)
read(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = read(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, report.parsed, report.encoding)
"""
UNIT = '{"instruction": "第%d个问题是什么？", "output": "答案%d，' + "很长的回答。" * 30 + '"}\n'


def grown(path: Path, warm: Path) -> tuple[int, int, str]:
    """Return by how many MiB reading a file raised the peak, how many units it held, and its encoding."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path), str(warm)], capture_output=True, text=True, check=True
    )
    kib, parsed, encoding = done.stdout.split()
    return int(kib) // 1024, int(parsed), encoding


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a.jsonl.gz", "a.jsonl.zst", "a.jsonl.bz2", "a.jsonl.xz", "a.zip", "a.tar.gz", "gbk.jsonl"]
)
def test_memory_does_not_grow_with_the_input(tmp_path: Path, name: str) -> None:
    rows = 200_000
    encoding = "gb18030" if name.startswith("gbk") else "utf-8"
    numbers = [number % (rows // 10) for number in range(rows)]
    data = "".join(UNIT % (number, number) for number in numbers).encode(encoding)
    assert len(data) > 70_000_000
    path, warm = tmp_path / name, tmp_path / "warm.jsonl.gz"
    warm.write_bytes(gzip.compress((UNIT % (1, 1)).encode() * 3000))
    if name == "a.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("d/a.jsonl", data)
    elif name == "a.tar.gz":
        with tarfile.open(path, "w:gz", compresslevel=1) as archive:
            info = tarfile.TarInfo("d/a.jsonl")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    else:
        pack = {
            "gz": gzip.compress,
            "zst": zstd.compress,
            "bz2": lambda data: bz2.compress(data[: len(data) // 10], 1) * 10,  # slow for texts that repeat
            "xz": partial(lzma.compress, preset=0),
        }
        path.write_bytes(pack.get(name.rsplit(".", 1)[1], bytes)(data))
    mib, parsed, read_as = grown(path, warm)
    assert (parsed, read_as) == (rows, encoding)
    assert mib < 60
