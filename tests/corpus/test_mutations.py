"""Five thousand damaged copies of real mails: none stops the reader, and no part of any vanishes."""

from __future__ import annotations

import base64
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reading.mail import read_mail
from reading.mime import parse_mail
from reading.mime.leaf_parts import MAX_STRAY_OCTETS
from reading.sandbox import ReaderPool, ReadingFailed
from reading.unpacking import unpack
from tests.corpus.truth import CORPUS

_MAILS = sorted(path for path in (CORPUS / "mime").rglob("*") if path.suffix in {".eml", ".raw"})
_MUTATIONS, _PARTS = 5_000, 10
_SECONDS = 10  # for a mail
_LINE = 57  # octets in a line of Base64 with 76 signs (RFC 2045 6.8)


def _flipped(octets: bytes, chance: random.Random) -> bytes:
    mutable = bytearray(octets)
    for _ in range(chance.randint(1, 20)):
        mutable[chance.randrange(len(mutable))] = chance.randrange(256)
    return bytes(mutable)


def _cut_out(octets: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(octets))
    return octets[:at] + octets[at + chance.randint(1, 300) :]


def _doubled(octets: bytes, chance: random.Random) -> bytes:
    at, length = chance.randrange(len(octets)), chance.randint(1, 3000)
    return octets[: at + length] + octets[at:]


def _line_gone(octets: bytes, chance: random.Random) -> bytes:
    lines = octets.split(b"\n")
    del lines[chance.randrange(len(lines))]
    return b"\n".join(lines)


def _delimiter_damaged(octets: bytes, chance: random.Random) -> bytes:
    delimiters = list(re.finditer(rb"^--[^\r\n]{1,70}", octets, re.MULTILINE))
    if not delimiters:
        return _flipped(octets, chance)
    at = chance.choice(delimiters).start()
    return octets[:at] + b"-x" + octets[at + 2 :]


def _header_damaged(octets: bytes, chance: random.Random) -> bytes:
    names = (b"content-type", b"content-transfer-encoding", b"content-disposition", b"boundary", b"charset")
    found = [match for name in names for match in re.finditer(name, octets, re.IGNORECASE)]
    if not found:
        return _line_gone(octets, chance)
    match = chance.choice(found)
    return octets[: match.start()] + chance.choice([b"X", b"", match[0] * 3, b"\0"]) + octets[match.end() :]


def _other_line_ends(octets: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(octets))
    end = chance.choice([b"\n", b"\r", b"\r\r\n", b"\n\n"])
    return (
        octets[:at] + octets[at : at + 5000].replace(b"\r\n", b"\n").replace(b"\n", end) + octets[at + 5000 :]
    )


def _cut_off(octets: bytes, chance: random.Random) -> bytes:
    return octets[: chance.randrange(1, len(octets) + 1)]


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flipped, _cut_out, _doubled, _line_gone, _delimiter_damaged, _header_damaged),
    *(_other_line_ends, _cut_off),
)


def _mutated(part: int) -> Iterator[tuple[str, bytes, bytes]]:
    """Where it comes from, the mail, and its damaged copy; always the same ones."""
    chance = random.Random(part)
    for number in range(part, _MUTATIONS, _PARTS):
        path = _MAILS[number % len(_MAILS)]
        octets = path.read_bytes()
        if octets:
            way = chance.choice(_WAYS)
            yield f"{path.name} {way.__name__} {number}", octets, way(octets, chance)


@contextmanager
def _in_time(name: str) -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise TimeoutError(name)

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("part", range(_PARTS))
def test_nothing_vanishes(part: int) -> None:
    """The first line of each part that the damage has left is in a part of the copy, decoded or as it stands.

    What would be dropped behind an end of Base64 is not asked for: that is how mailing lists sign.
    """
    for name, octets, damaged in _mutated(part):
        with _in_time(name):
            read_mail(damaged)
            contents = [leaf.content for leaf in unpack(parse_mail(damaged).leaves).leaves]
        for leaf in parse_mail(octets).leaves:
            line = base64.b64encode(leaf.content[:_LINE])
            if len(leaf.content) < MAX_STRAY_OCTETS or line not in octets or line not in damaged:
                continue
            kept = any(leaf.content[:_LINE] in one or line in one for one in contents)
            assert kept, f"{name}: {leaf.name}"


def test_no_reader_process_dies_or_hangs() -> None:
    """A tenth of them through the processes that the daemon uses."""
    failed = []
    with ReaderPool(2) as pool:
        waiting = [(name, damaged) for name, _, damaged in _mutated(0)]
        while waiting or pool.busy:
            while waiting and pool.free:
                name, damaged = waiting.pop()
                assert pool.start(name, damaged) is None
            failed += [name for name, result in pool.finished(1) if isinstance(result, ReadingFailed)]
    assert failed == []


def test_the_mails_are_there() -> None:
    """A test that walks over no mails would prove nothing."""
    assert isinstance(_MAILS[0], Path)
    assert len(_MAILS) == 215
