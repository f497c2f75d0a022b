"""Files that are no exports, or no whole ones: nothing of them is put on record, and one sentence says why."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Commands
from tests.exported import COMPANY, account, changed

GIBIBYTE = 1024**3


def _with(file: Path, name: str, octets: bytes = b"x") -> Path:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, octets)
    return file


def _cut(file: Path) -> Path:
    file.write_bytes(file.read_bytes()[:-2000])
    return file


def _flipped(file: Path) -> Path:
    """One bit of a mail is another: the ZIP's own CRC notices."""
    with zipfile.ZipFile(file) as archive:
        entry = next(one for one in archive.infolist() if one.filename.endswith("original.eml"))
    octets = bytearray(file.read_bytes())
    octets[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 1
    file.write_bytes(octets)
    return file


def _other_mail(file: Path) -> Path:
    return changed(file, {"original.eml": lambda octets: octets + b"more\r\n"}, sums=False)


def _without_a_mail(file: Path) -> Path:
    return changed(file, {"original.eml": lambda _: None}, sums=False)


def _without_sums(file: Path) -> Path:
    return changed(file, {"SHA256SUMS": lambda _: None})


def _of_before(file: Path) -> Path:
    return changed(file, {"export.json": lambda _: None, "record.json": lambda _: None})


def _newer(file: Path) -> Path:
    return changed(file, {"export.json": lambda octets: octets.replace(b'"version": 1', b'"version": 2')})


def _of_others(file: Path) -> Path:
    return changed(file, {"export.json": lambda octets: octets.replace(b"invoices-export", b"cookbook")})


def _garbled(file: Path) -> Path:
    return changed(file, {"export.json": lambda _: b"{"})


def _twice(file: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate"):
        return _with(file, "export.json")


def _bomb(file: Path) -> Path:
    """The list of files says that one of them unpacks to a terabyte."""
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("bomb/zeros", bytes(1024), zipfile.ZIP_DEFLATED)
        archive.getinfo("bomb/zeros").file_size = 1024 * GIBIBYTE
    return file


def _overlapping(file: Path) -> Path:
    """Two names share the same octets, as in bombs that unpack one file many times."""
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("bomb/zeros", bytes(1024))
        archive.writestr("bomb/again", bytes(1024))
        archive.getinfo("bomb/again").header_offset = archive.getinfo("bomb/zeros").header_offset
    return file


def _strangely_packed(file: Path) -> Path:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a/b", b"x", zipfile.ZIP_LZMA)
    return file


def _no_zip(file: Path) -> Path:
    file.write_bytes(b"not a ZIP file")
    return file


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (_no_zip, "is no whole ZIP file: File is not a zip file"),
        (_cut, "is no whole ZIP file: "),
        (_flipped, "original.eml is damaged: "),
        (_other_mail, "original.eml is not as it was written; its checksum is another"),
        (_without_a_mail, "original.eml is missing"),
        (_without_sums, "has no SHA256SUMS, so nothing in it can be proven; export again"),
        (_of_before, "has no export.json: it was made by a version before imports, or by another program"),
        (_newer, "the export was made by a newer program (version 2 of the file; this one knows 1)"),
        (_of_others, 'export.json says that the file is "cookbook", not "invoices-export"'),
        (_garbled, "export.json cannot be understood: "),
        (_twice, "export.json is in it twice"),
        (_bomb, "bomb/zeros would have 1099511627776 octets, which is too large"),
        (_overlapping, "bomb/again lies over another file in it"),
        (_strangely_packed, "a/b is compressed in a way that exports never are"),
        (lambda file: _with(file, "more/than.that"), "more/than.that does not stand in SHA256SUMS"),
        (lambda file: _with(file, "../outside"), '"../outside" is no name of a file in an export'),
        (lambda file: _with(file, "/etc/passwd"), '"/etc/passwd" is no name of a file in an export'),
        (lambda file: _with(file, "a/../../b"), '"a/../../b" is no name of a file in an export'),
        (lambda file: _with(file, r"a\b"), "is no name of a file in an export"),
    ],
)
def test_what_is_no_whole_export_is_refused_as_a_whole(
    export_of_three: Path,
    on_sqlite: Commands,
    tmp_path: Path,
    made: Callable[[Path], Path],
    said: str,
) -> None:
    """Before anything is written, whatever else in it is right."""
    account(on_sqlite)
    file = made(Path(shutil.copy(export_of_three, tmp_path / "export.zip")))

    refused = on_sqlite.refused("import", str(file), "--account", COMPANY)

    assert said in refused
    assert refused.startswith("Error: ")
    assert on_sqlite.lines("mail", "list") == []
    assert [one.name for one in tmp_path.iterdir() if one.name in ("outside", "b")] == []
