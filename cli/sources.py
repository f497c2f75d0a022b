"""Finds the mails in files and folders: .eml, mbox, Maildir, and folders of them."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from pathlib import Path

_FORWARD_PATH_FIELDS = ("Delivered-To", "X-Original-To")
_ENDINGS = {".eml", ".mbox", ".mbx", ".mail", ".raw", ".msg", ".txt", ""}
_QUOTED_FROM = re.compile(
    rb"^>(>*From )", re.MULTILINE
)  # mbox writes a > before what looks like its separator
_HEADER_OCTETS = 256 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """One mail of a file; `name` is its path, with #N for the Nth of an mbox."""

    name: str
    octets: bytes


def sources(paths: list[Path]) -> Iterator[Source]:
    """Every mail in `paths`, in a fixed order. Raises OSError for a path that cannot be read."""
    for path in paths:
        if path.is_dir():
            yield from _folder(path)
        else:
            yield from _file(path)


def _folder(folder: Path) -> Iterator[Source]:
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        files = sorted([*(folder / "new").iterdir(), *(folder / "cur").iterdir()])
        yield from (Source(str(file), file.read_bytes()) for file in files if file.is_file())
        for entry in sorted(folder.iterdir()):  # subfolders of Maildir++ begin with a full stop
            if entry.is_dir() and entry.name.startswith("."):
                yield from _folder(entry)
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            yield from _folder(entry)
        elif entry.is_file() and not entry.name.startswith(".") and entry.suffix.lower() in _ENDINGS:
            yield from _file(entry)


def _file(file: Path) -> Iterator[Source]:
    with file.open("rb") as stream:
        is_mbox = stream.read(5) == b"From "
    if not is_mbox:
        yield Source(str(file), file.read_bytes())
        return
    box = mailbox.mbox(file, create=False)
    try:
        for number, key in enumerate(box.keys(), start=1):
            yield Source(f"{file}#{number}", _QUOTED_FROM.sub(rb"\1", box.get_bytes(key)))
    finally:
        box.close()


def reverse_path_of(octets: bytes) -> str:
    """The sender that a stored mail names: Return-Path (RFC 5321 4.4), else From; empty for none."""
    header = BytesHeaderParser(policy=policy.compat32).parsebytes(octets[:_HEADER_OCTETS])
    for name in ("Return-Path", "From"):
        if header[name] is not None:
            return next((address for _, address in getaddresses([str(header[name])])), "")
    return ""


def forward_paths_of(octets: bytes) -> tuple[str, ...]:
    """The recipients that a stored mail names: those it was delivered to, else those of To and Cc."""
    header = BytesHeaderParser(policy=policy.compat32).parsebytes(octets[:_HEADER_OCTETS])
    for names in (_FORWARD_PATH_FIELDS, ("To", "Cc")):
        values = [str(value) for name in names for value in header.get_all(name, [])]
        found = [address for _, address in getaddresses(values) if "@" in address]
        if found:
            return tuple(dict.fromkeys(found))
    return ()
