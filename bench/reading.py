"""How long reading takes beside the bare libraries, how it grows, and whether memory does: `python -m bench.reading`.

Exit status 1 when a format takes more than 1.25 times what the libraries take, when time grows faster than the mail,
or when memory grows.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from statistics import median

import mailparser

from bench.limits import libraries
from bench.mails import bench_mail, kind_of
from reading.mail import read_mail
from reading.sandbox import Limits, ReaderPool, ReadingFailed

_MOST_RATIO = 1.25
_MOST_GROWTH = 3.0  # of the time, where the mail doubles; noise of small times is in it
_MOST_MEMORY_GROWTH = 16 * 1024  # KiB of all readers, from the first quarter to the last
_MAILS_A_FORMAT = 20


def main(arguments: list[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.reading", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mails", type=int, default=20_000, help="through the reader processes")
    wanted = parser.parse_args(arguments)
    checks = (_formats(wanted.rounds), _growth(), _pool(wanted.mails))
    return int(not all(checks))


def _formats(rounds: int) -> bool:
    """Ours and theirs in turns, one thread; mail-parser, pypdf and lxml are what a program without us would use."""
    print(f"Milliseconds of processor time a mail, medians of {rounds} rounds")
    print(
        f"{'':12}{'ours':>8}{'mail-parser, pypdf, lxml':>28}{'ratio':>7}{'stdlib email, pypdf, lxml':>29}{'ratio':>7}"
    )
    by_kind: dict[str, list[bytes]] = {}
    for index in range(5 * _MAILS_A_FORMAT):
        by_kind.setdefault(kind_of(index), []).append(bench_mail(index).octets)
    kept = True
    for kind, mails in by_kind.items():
        own, with_mail_parser, with_email = [], [], []
        for _ in range(rounds):
            own.append(_seconds(read_mail, mails))
            bare = libraries(mails)
            with_email.append(bare.together)
            with_mail_parser.append(_seconds(mailparser.parse_from_bytes, mails) + bare.pdf + bare.xml)
        ratios = [
            median(mine / theirs for mine, theirs in zip(own, other, strict=True))
            for other in (with_mail_parser, with_email)
        ]
        print(
            f"{kind:12}{median(own) * 1000:8.2f}{median(with_mail_parser) * 1000:28.2f}{ratios[0]:7.2f}"
            f"{median(with_email) * 1000:29.2f}{ratios[1]:7.2f}"
        )
        kept = kept and ratios[0] <= _MOST_RATIO
    print(f"at most {_MOST_RATIO} of mail-parser + pypdf + lxml: {'met' if kept else 'MISSED'}\n")
    return kept


def _seconds(read: Callable[[bytes], object], mails: list[bytes]) -> float:
    """Mean processor time a mail."""
    begun = time.thread_time()
    for mail in mails:
        read(mail)
    return (time.thread_time() - begun) / len(mails)


def _growth() -> bool:
    """Each case at four sizes, each twice the one before; linear time doubles."""
    print("Milliseconds as a mail doubles, four sizes each; the last number is the greatest growth of a step")
    kept = True
    for name, make, first in _CASES:
        times = []
        for step in range(4):
            mail = make(first * 2**step)
            times.append(min(_seconds(read_mail, [mail] * 3) for _ in range(3)))
        growth = max(after / before for before, after in pairwise(times))
        kept = kept and growth <= _MOST_GROWTH
        print(f"{name:24}" + "".join(f"{one * 1000:10.1f}" for one in times) + f"{growth:8.1f}")
    print(f"at most {_MOST_GROWTH} times for twice as much: {'met' if kept else 'MISSED'}\n")
    return kept


_HEAD = b"From: a@supplier.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def _parts(count: int) -> bytes:
    part = b"--b\r\nContent-Type: text/plain; name=a.txt\r\n\r\nx\r\n"
    return _HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * count + b"--b--\r\n"


def _fields(count: int) -> bytes:
    return _HEAD + b"".join(b"X-%d: =?utf-8?q?x?=\r\n" % number for number in range(count)) + b"\r\nx\r\n"


def _recipients(count: int) -> bytes:
    addresses = b",\r\n ".join(b'"A, B" <%d@x.example>' % number for number in range(count))
    return _HEAD + b"To: " + addresses + b"\r\n\r\nx\r\n"


def _attachment(octets: int) -> bytes:
    content = base64.encodebytes(bytes(octets))
    return (
        _HEAD
        + b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + content
    )


def _text(octets: int) -> bytes:
    return (
        _HEAD + b"\r\nRechnung ansehen <a <style <a href=\r\n" + b"begin 6 =ybegin <style " * (octets // 23)
    )


def _depth(levels: int) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(levels)
    )
    return _HEAD + opening + b"\r\nx\r\n"


_CASES: tuple[tuple[str, Callable[[int], bytes], int], ...] = (
    ("parts, from 1,000", _parts, 1_000),
    ("fields, from 1,000", _fields, 1_000),
    ("recipients, from 500", _recipients, 500),
    ("attachment, from 1 MB", _attachment, 1024 * 1024),
    ("text, from 250 KB", _text, 250_000),
    ("depth, from 100", _depth, 100),
)


def _pool(mails: int) -> bool:
    """The pipeline without the database: hybrid mails of 170 KB through the reader processes, all cores."""
    cores = os.cpu_count() or 1
    hybrids = [bench_mail(index).octets for index in range(0, 50, 5)]
    allowed = cores / libraries(hybrids).together
    memory: list[int] = []
    begun = time.monotonic()
    failed = 0
    # None is replaced meanwhile, for a fresh process would hide what an old one has gathered.
    with ReaderPool(cores, Limits(mails_per_process=mails + 1)) as pool:
        for number, result in enumerate(_read(pool, hybrids, mails), start=1):
            failed += isinstance(result, ReadingFailed)
            if number % max(1, mails // 8) == 0:
                memory.append(_children_kib())
    rate = mails / (time.monotonic() - begun)
    growth = max(memory[-2:]) - max(memory[:2])
    print(
        f"{mails:,} hybrid mails of {len(hybrids[0]) // 1024} KB through {cores} reader processes: {rate:.0f} a second"
    )
    print(f"the bare libraries on as many cores: {allowed:.0f}; share {rate / allowed:.0%}")
    print("memory of all readers, MiB: " + ", ".join(f"{one / 1024:.0f}" for one in memory))
    kept = growth <= _MOST_MEMORY_GROWTH and not failed
    print(f"growth at most {_MOST_MEMORY_GROWTH // 1024} MiB, none failed: {'met' if kept else 'MISSED'}")
    return kept


def _read(pool: ReaderPool, mails: list[bytes], count: int) -> Iterator[object]:
    waiting = iter(range(count))
    while True:
        for number in islice(waiting, pool.free):
            pool.start(str(number), mails[number % len(mails)])
        if not pool.busy:
            return
        for _, result in pool.finished(1.0):
            yield result


def _children_kib() -> int:
    """Proportional set sizes of the processes that this one has started."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:  # noqa: PTH123
        pids = children.read().split()
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:  # noqa: PTH123
            total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
