"""Opens ZIP archives and gzip files; what they really hold is counted, not what they say."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise

from reading.unpacking.opened import Budget, Opened, Packed, collected

_MOST_ENTRIES = 10_000
_CHUNK = 1024 * 1024
_ENCRYPTED = 0x1  # general purpose bit flag (APPNOTE.TXT 4.4.4)
_LOCAL_HEADER = 30  # octets before name and extra field (APPNOTE.TXT 4.3.7)
_NOT_ARCHIVES = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}  # documents in the form of a ZIP
_IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_GZIP = 31  # window bits: gzip only (zlib manual)


def open_zip(octets: bytes, budget: Budget) -> Opened | None:
    """The files of a ZIP archive; None for a document of an office program, which is one inside. Never raises."""
    if octets.count(b"PK\x01\x02") > _MOST_ENTRIES:
        return Opened(trouble=f"the ZIP has more than {_MOST_ENTRIES:,} entries")
    try:
        archive = zipfile.ZipFile(io.BytesIO(octets))
    except Exception:  # noqa: BLE001, RUF100  -- zipfile raises anything on damaged archives
        return Opened(trouble="the ZIP is damaged")
    with archive:
        entries = [one for one in archive.infolist() if not one.is_dir()]
        if any(one.filename in _NOT_ARCHIVES for one in entries[:20]):
            return None
        if _overlap(entries):
            return Opened(trouble="the ZIP has entries that overlap")
        encrypted = [one for one in entries if one.flag_bits & _ENCRYPTED]
        readable = [one for one in entries if not one.flag_bits & _ENCRYPTED]
        opened = collected(_entries(archive, readable, budget), broken=_zip_trouble)
    if encrypted and opened.trouble is None:
        return Opened(files=opened.files, trouble="the ZIP is encrypted with a password")
    return opened


def open_gzip(octets: bytes, budget: Budget, name: str) -> Opened:
    """The one file in a gzip file, named as the file without its ending. Never raises."""
    inner = name[: -len(".gz")] if name.lower().endswith(".gz") else None
    return collected(_gunzipped(octets, budget, inner), broken=lambda _: "the gzip file is damaged")


def _entries(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], budget: Budget) -> Iterator[Packed]:
    for entry in entries:
        if entry.filename.startswith(_IGNORED[0]) or entry.filename.endswith(_IGNORED[1:]):
            continue
        budget.take_file()
        content = bytearray()
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK):
                budget.take(len(chunk))
                content += chunk
        yield Packed(entry.filename, bytes(content))


def _overlap(entries: list[zipfile.ZipInfo]) -> bool:
    """Whether two entries share octets, by which a small archive unpacks to a giant one."""
    ordered = sorted(entries, key=lambda one: one.header_offset)
    return any(
        one.header_offset + _LOCAL_HEADER + one.compress_size > following.header_offset
        for one, following in pairwise(ordered)
    )


def _zip_trouble(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "the ZIP is packed by a method that is not known here"
    return "the ZIP is damaged"


def _gunzipped(octets: bytes, budget: Budget, name: str | None) -> Iterator[Packed]:
    budget.take_file()
    content = bytearray()
    rest = octets
    while rest:
        member = zlib.decompressobj(_GZIP)
        while rest and not member.eof:
            chunk = member.decompress(rest, _CHUNK)
            budget.take(len(chunk))
            content += chunk
            rest = member.unconsumed_tail
            if not chunk and not rest:
                break
        if not member.eof:
            raise ValueError("cut off")
        rest = member.unused_data.lstrip(b"\0")
        if rest and not rest.startswith(b"\x1f\x8b"):
            break  # something stands behind it, as gzip itself tolerates
    yield Packed(name, bytes(content))
