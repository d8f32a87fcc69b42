"""Rows of Excel workbooks (.xlsx, .xlsm) and, through calamine, of .xls, .xlsb and .ods.

Every visible sheet with a header is read. Cells keep their values (dates as ISO texts, whole numbers
without a fraction, formulas by the value that was saved with them); a cell that holds an error costs its
row. Rejected: pandas.read_excel (guesses types, reads #N/A and "NA" as nothing, holds the sheet) and
calamine for all (three times faster, but it reads an error as an empty cell).
"""

from __future__ import annotations

import datetime
import logging
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, RATIO_FREE, open_bytes, too_much
from pipeline.ingest.tables import refuse_duplicates
from pipeline.ingest.units import CELL_ERROR, Bad, Broken, Unit

if TYPE_CHECKING:
    from openpyxl.cell.read_only import ReadOnlyCell

log = logging.getLogger(__name__)

ZIP_MAGIC = b"PK\x03\x04"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MAX_SHARED = 512 * 1024 * 1024  # bytes of the texts that a workbook keeps apart, which are held
_MAX_WHOLE = 256 * 1024 * 1024  # bytes of a file that calamine reads whole, packed and unpacked
_STREAMED = ("xl/worksheets/", "xl/media/")  # read in pieces, or not at all
_HEADER_WITHIN = 20


class _Fault(NamedTuple):
    """What stands in a cell instead of a value."""

    what: str


class _Row(NamedTuple):
    number: int
    cells: list[object]


def read_excel(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of a workbook's sheets; `line` is the row's number in its sheet.

    Raises:
        SourceError: it is encrypted, damaged, too large to be held, or no workbook.
    """
    with tempfile.TemporaryFile() as unpacked, open_bytes(path, spec) as stream:
        source: IO[bytes] = stream
        if not stream.seekable():
            try:
                shutil.copyfileobj(stream, unpacked, CHUNK)
            except Broken as broken:
                raise _damaged(path, f"it {broken.detail}") from None
            unpacked.seek(0)
            source = unpacked
        head = source.read(8)
        source.seek(0)
        if head.startswith(OLE_MAGIC):
            _refuse_encrypted(source, path)
        sizes = _parts(source, path, spec) if head.startswith(ZIP_MAGIC) else {}
        if "xl/workbook.xml" in sizes:
            _refuse_large_texts(sizes, path)
            yield from _open_xml(source, path)
        elif head.startswith((ZIP_MAGIC, OLE_MAGIC)):
            yield from _other(source, path, sum(sizes.values()))
        else:
            raise SourceError(
                f"{path} is no workbook, whatever its name says",
                "see what it is, and say its `format:` in the recipe (many programs write HTML or CSV as .xls)",
            )


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path} is not a whole workbook ({why})",
        "open it in a spreadsheet program and save it again, as .xlsx or as CSV",
    )


def _refuse_encrypted(source: IO[bytes], path: Path) -> None:
    overlap = b""
    while part := source.read(CHUNK):
        if _ENCRYPTED in overlap + part:
            raise SourceError(
                f"{path} is encrypted with a password", "save it without a password in a spreadsheet program"
            )
        overlap = part[-len(_ENCRYPTED) :]
    source.seek(0)


def _parts(source: IO[bytes], path: Path, spec: SourceSpec) -> dict[str, int]:
    """Return the parts of a workbook and what they unpack to, and refuse one that unpacks to too much."""
    try:
        with zipfile.ZipFile(source) as parts:
            sizes = {part.filename: part.file_size for part in parts.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    packed, total = source.seek(0, 2), sum(sizes.values())
    source.seek(0)
    if total > spec.max_unpacked_bytes:
        what = f"over {spec.max_unpacked_bytes:,} bytes"
        raise too_much(str(path), what, "max_unpacked_bytes", spec.max_unpacked_bytes)
    if total > RATIO_FREE and total > spec.max_unpacked_ratio * packed:
        what = f"{total // packed:,} times its size"
        raise too_much(str(path), what, "max_unpacked_ratio", spec.max_unpacked_ratio)
    return sizes


def _refuse_large_texts(sizes: Mapping[str, int], path: Path) -> None:
    """Refuse a workbook that keeps too much outside of its sheets: all of that is held."""
    if sum(size for name, size in sizes.items() if not name.startswith(_STREAMED)) > _MAX_SHARED:
        raise SourceError(
            f"{path} holds over {_MAX_SHARED:,} bytes of shared texts, more than is read into memory",
            "save its sheets as CSV or Parquet",
        )


def _open_xml(source: IO[bytes], path: Path) -> Iterator[Unit | Bad]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(source, read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(source, read_only=True) if _has_formulas(source) else None
    except Exception as error:  # openpyxl raises whatever its parts raise: KeyError, XML errors, ...
        raise _damaged(path, _why(error)) from error
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
    if hidden:
        log.info("%s: hidden sheets are left out: %s", path.name, ", ".join(hidden))
    sheets: dict[str, Iterable[_Row]] = {}
    for sheet in book.worksheets:
        if sheet.title not in hidden:
            sheet.reset_dimensions()  # many writers leave a wrong one
            written = None
            if formulas is not None:
                written = formulas[sheet.title]
                written.reset_dimensions()
            sheets[sheet.title] = _xlsx_rows(sheet.iter_rows(), written.iter_rows() if written else None)
    try:
        yield from _sheets(sheets, path)
    except SourceError:
        raise
    except Exception as error:  # the same, from a part that is read late
        raise _damaged(path, _why(error)) from error


def _why(error: BaseException) -> str:
    """Return what is wrong; where defusedxml is installed, openpyxl reads through it and hides what it forbade."""
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__name__ in ("EntitiesForbidden", "DTDForbidden"):
            return "its XML declares entities, as an amplification attack does"
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"[:200]


def _has_formulas(source: IO[bytes]) -> bool:
    """Tell whether any sheet holds a formula."""
    with zipfile.ZipFile(source) as parts:
        for name in parts.namelist():
            if name.startswith("xl/worksheets/"):
                with parts.open(name) as part:
                    before = b""
                    while data := part.read(CHUNK):
                        if b"<f>" in (joined := before + data) or b"<f " in joined:
                            return True
                        before = data[-3:]
    return False


def _xlsx_rows(
    rows: Iterator[tuple[ReadOnlyCell, ...]], formulas: Iterator[tuple[ReadOnlyCell, ...]] | None
) -> Iterator[_Row]:
    for number, row in enumerate(rows, 1):
        cells = [_cell(cell) for cell in row]
        for place, written in enumerate(next(formulas, ())) if formulas is not None else ():
            if written.data_type == "f" and place < len(cells) and cells[place] is None:
                cells[place] = _Fault("a formula whose value was never calculated")
        yield _Row(number, cells)


def _cell(cell: ReadOnlyCell) -> object:
    from openpyxl.utils.escape import unescape

    if cell.data_type == "e":
        return _Fault(str(cell.value))
    return unescape(cell.value) if isinstance(cell.value, str) else _plain(cell.value)


def _other(source: IO[bytes], path: Path, unpacked: int) -> Iterator[Unit | Bad]:
    """Read what calamine reads: .xls, .xlsb, .ods."""
    import python_calamine

    if max(source.seek(0, 2), unpacked) > _MAX_WHOLE:
        raise SourceError(
            f"{path} is larger than {_MAX_WHOLE:,} bytes unpacked, and its format can only be read whole",
            "save it as .xlsx or CSV",
        )
    source.seek(0)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(source)
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        sheets = {name: _calamine_rows(book.get_sheet_by_name(name)) for name in visible}
    except python_calamine.PasswordError:
        raise SourceError(
            f"{path} is encrypted with a password", "save it without a password in a spreadsheet program"
        ) from None
    except (python_calamine.CalamineError, OSError) as error:
        raise _damaged(path, str(error)[:200]) from error
    yield from _sheets(sheets, path)


def _calamine_rows(sheet: object) -> Iterator[_Row]:
    first = (getattr(sheet, "start", None) or (0, 0))[0]
    rows = sheet.to_python(skip_empty_area=True)  # type: ignore[attr-defined]
    for number, row in enumerate(rows, first + 1):
        yield _Row(number, [_plain(None if value == "" else value) for value in row])


def _plain(value: object) -> object:
    """Return a value as JSON can hold it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, float, bool, _Fault)) else str(value)


def _sheets(sheets: Mapping[str, Iterable[_Row]], path: Path) -> Iterator[Unit | Bad]:
    filled = {name: rows for name, found in sheets.items() if (rows := _from_first(found)) is not None}
    for name, rows in filled.items():
        yield from _sheet(rows, path, name, several=len(filled) > 1)


def _from_first(rows: Iterable[_Row]) -> Iterator[_Row] | None:
    """Return the rows that hold anything, or None where there is none."""
    rest = (row for row in rows if any(_filled(row.cells)))
    first = next(rest, None)
    return None if first is None else chain([first], rest)


def _filled(cells: Sequence[object]) -> list[bool]:
    return [cell is not None and (not isinstance(cell, str) or bool(cell.strip())) for cell in cells]


def _sheet(rows: Iterator[_Row], path: Path, name: str, several: bool) -> Iterator[Unit | Bad]:
    start = list(islice(rows, _HEADER_WITHIN))
    titles = _rows_above_header(start)
    if titles:
        log.info("%s, sheet %s: %d rows above the header are left out", path.name, name, titles)
    header = _header(start[titles], path, name)
    for row in chain(start[titles + 1 :], rows):
        yield _unit(row, header, name, several)


def _rows_above_header(rows: Sequence[_Row]) -> int:
    """Return how many rows stand above the header: those that fill less than half of the columns."""
    counts = [sum(_filled(row.cells)) for row in rows]
    widest = max(counts)
    return next(place for place, count in enumerate(counts) if count * 2 > widest or count == widest)


def _header(row: _Row, path: Path, sheet: str) -> list[str]:
    names = ["" if cell is None else str(cell).strip() for cell in row.cells]
    while names and not names[-1]:
        names.pop()
    names = [name or f"column_{place}" for place, name in enumerate(names, 1)]
    refuse_duplicates(names, path)
    if any(isinstance(cell, _Fault) for cell in row.cells):
        raise SourceError(
            f"{path}: the header of sheet {sheet} (row {row.number}) holds an error value",
            "correct the header in a spreadsheet program",
        )
    return names


def _unit(row: _Row, header: list[str], sheet: str, several: bool) -> Unit | Bad:
    names = [*header, *(f"column_{place}" for place in range(len(header) + 1, len(row.cells) + 1))]
    cells = [*row.cells, *[None] * (len(header) - len(row.cells))]
    for name, cell in zip(names, cells, strict=True):
        if isinstance(cell, _Fault):
            what = f"column {name} of row {row.number:,} of sheet {sheet} holds {cell.what}"
            return Bad(row.number, CELL_ERROR, what)
    known = len(header)
    value: dict[str, object] = dict(zip(header, cells[:known], strict=True))
    value |= {name: cell for name, cell in zip(names[known:], cells[known:], strict=True) if cell is not None}
    if several:
        value.setdefault("sheet", sheet)
    return Unit(row.number, value)
