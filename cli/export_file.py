"""Reads the file that `invoices export` writes; nothing in it is believed before its checksum is proven."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from cli.export_record import (
    LABEL,
    RECORD,
    ExportedInvoice,
    Label,
    NotAnExport,
    label_from_octets,
    record_from_octets,
)
from cli.take_along import ORIGINAL, SUMS

LARGEST_OCTETS = 1024**3  # of one file in it
LARGEST_TEXT_OCTETS = 64 * 1024**2  # of those that are read into memory as a whole, but for the mails
_AT_ONCE = 1024**2
_LOCAL_HEADER_OCTETS = 30  # APPNOTE.TXT 4.3.7, without name and extra field
_NAME = re.compile(r"[^/\\]+(?:/[^/\\]+)?")
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


class ExportFile:
    """One export, open for reading; nothing of it is ever written anywhere under a name that stands in it."""

    def __init__(self, path: Path) -> None:
        """Raises NotAnExport, OSError."""
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise NotAnExport(f"{path} is no whole ZIP file: {error}") from None
        try:
            self._entries = self._checked_entries()
            self._sums = self._read_sums()
            self.label = self._read_label()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ExportFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back."""
        self._archive.close()

    def prove(self) -> None:
        """Reads everything once. Raises NotAnExport for the first file that is not as it was written."""
        for name in self._sums:
            for _ in self._pieces(name):
                pass

    def folders(self) -> list[str]:
        """A folder for each invoice, in the order of their names."""
        return sorted({name.partition("/")[0] for name in self._entries if "/" in name})

    def record(self, folder: str) -> ExportedInvoice:
        """What was on record of an invoice. Raises NotAnExport."""
        return record_from_octets(self._proven(f"{folder}/{RECORD}", LARGEST_TEXT_OCTETS))

    def original(self, folder: str) -> bytes:
        """Its mail, below our Received field. Raises NotAnExport."""
        return self._proven(f"{folder}/{ORIGINAL}", LARGEST_OCTETS)

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        """What is in it by name. Raises NotAnExport for what no export of ours has."""
        entries: dict[str, zipfile.ZipInfo] = {}
        end = 0
        for entry in sorted(self._archive.infolist(), key=lambda one: one.header_offset):
            name = entry.filename
            if not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
                raise NotAnExport(f'{self._path}: "{name}" is no name of a file in an export')
            if name in entries:
                raise NotAnExport(f"{self._path}: {name} is in it twice")
            if entry.header_offset < end:
                raise NotAnExport(f"{self._path}: {name} lies over another file in it")
            if entry.file_size > LARGEST_OCTETS:
                raise NotAnExport(
                    f"{self._path}: {name} would have {entry.file_size} octets, which is too large"
                )
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NotAnExport(f"{self._path}: {name} is compressed in a way that exports never are")
            end = entry.header_offset + _LOCAL_HEADER_OCTETS + len(name.encode()) + entry.compress_size
            entries[name] = entry
        return entries

    def _read_label(self) -> Label:
        if LABEL not in self._entries:
            raise NotAnExport(
                f"{self._path} has no {LABEL}: it was made by a version before imports, or by another program; "
                "export again"
            )
        return label_from_octets(self._proven(LABEL, LARGEST_TEXT_OCTETS))

    def _read_sums(self) -> dict[str, str]:
        """SHA-256 by name; of every file in it, and of none that is not. Raises NotAnExport."""
        if SUMS not in self._entries:
            raise NotAnExport(f"{self._path} has no {SUMS}, so nothing in it can be proven; export again")
        octets = b"".join(self._pieces(SUMS))
        sums: dict[str, str] = {}
        for line in octets.decode("utf-8", "replace").splitlines():
            found = _SUM.fullmatch(line)
            if found is None:
                raise NotAnExport(f"{self._path}: a line of {SUMS} is no checksum")
            sums[found[2]] = found[1]
        there = self._entries.keys() - {SUMS}
        for name in sorted(sums.keys() - there):
            raise NotAnExport(f"{self._path} is not whole: {name} is missing")
        for name in sorted(there - sums.keys()):
            raise NotAnExport(f"{self._path}: {name} does not stand in {SUMS}")
        return sums

    def _proven(self, name: str, most: int) -> bytes:
        if name not in self._sums:
            raise NotAnExport(f"{self._path} is not whole: {name} is missing")
        if self._entries[name].file_size > most:
            raise NotAnExport(f"{self._path}: {name} has more than {most} octets")
        return b"".join(self._pieces(name))

    def _pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file; the last piece comes only when its checksum is right. Raises NotAnExport."""
        digest = hashlib.sha256()
        last = b""
        with self._named(name), self._archive.open(self._entries[name]) as stream:
            while piece := stream.read(_AT_ONCE):
                digest.update(piece)
                if last:
                    yield last
                last = piece
        if name != SUMS and digest.hexdigest() != self._sums[name]:
            raise NotAnExport(f"{self._path}: {name} is not as it was written; its checksum is another")
        yield last

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise NotAnExport(f"{self._path}: {name} is damaged: {error}") from None
