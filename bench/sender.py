"""A process that hands mails over by SMTP in many sessions at once, as a busy relay would.

Started by bench/ingest.py. It is asked line by line for the mails with indexes from..to and answers each line with one
line of JSON: when each mail was begun and answered, and what failed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.mails import buyer, mail_file
from fixtures.making.companies import LIEFERANT_NORD

PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class _Wave:
    """Mails that several sessions share."""

    folder: Path
    indexes: Iterator[int]
    sent: list[tuple[int, str, float, float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class _Refused(Exception):  # noqa: N818  -- says what the daemon did
    """An answer that was not the one hoped for."""


async def _session(address: tuple[str, int], wave: _Wave, mails: int) -> bool:
    """One connection with up to `mails` mails; whether there may be more to send."""
    index = next(wave.indexes, None)
    if index is None:
        return False
    begun = time.time()
    reader, writer = await asyncio.open_connection(*address)
    try:
        await _reply(reader, 220)
        await _command(reader, writer, b"EHLO relay.example", 250)
        while index is not None:
            wave.sent.append(await _transfer(reader, writer, wave.folder, index, begun))
            mails -= 1
            index = next(wave.indexes, None) if mails else None
            begun = time.time()
        await _command(reader, writer, b"QUIT", 221)
    finally:
        writer.close()
    return mails == 0


async def _transfer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: Path, index: int, begun: float
) -> tuple[int, str, float, float, float]:
    await _command(reader, writer, f"MAIL FROM:<{LIEFERANT_NORD.email}>".encode(), 250)
    await _command(reader, writer, f"RCPT TO:<{buyer(index).email}>".encode(), 250)
    await _command(reader, writer, b"DATA", 354)
    octets = mail_file(folder, index).read_bytes().replace(b"\r\n.", b"\r\n..")
    content_begun = time.time()
    writer.write(octets + b".\r\n")
    answer = await _reply(reader, 250)
    return index, answer.split()[-1], begun, content_begun, time.time()


async def _command(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, expected: int
) -> str:
    writer.write(line + b"\r\n")
    return await _reply(reader, expected)


async def _reply(reader: asyncio.StreamReader, expected: int) -> str:
    """The last line of a reply (RFC 5321 4.2.1). Raises _Refused."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = await reader.readline()
        while line[3:4] == b"-":
            line = await reader.readline()
    if line[:3] != str(expected).encode():
        raise _Refused(line.decode("ascii", "replace").strip() or "the connection was closed")
    return line.decode("ascii", "replace")


async def _sessions(address: tuple[str, int], wave: _Wave, mails: int) -> None:
    try:
        while await _session(address, wave, mails):
            pass
    except (OSError, TimeoutError, _Refused) as error:
        wave.failures.append(f"{type(error).__name__}: {error}")


async def _send(address: tuple[str, int], wave: _Wave, sessions: int, mails: int) -> None:
    await asyncio.gather(*(_sessions(address, wave, mails) for _ in range(sessions)))


def main(host: str, port: str, folder: str, sessions: str, mails_per_session: str) -> None:
    """Answers requests on standard input until it is closed."""
    for line in sys.stdin:
        first, after = map(int, line.split())
        wave = _Wave(Path(folder), iter(range(first, after)))
        asyncio.run(_send((host, int(port)), wave, int(sessions), int(mails_per_session)))
        used = resource.getrusage(resource.RUSAGE_SELF)
        answer = {"sent": wave.sent, "failures": wave.failures, "cpu": used.ru_utime + used.ru_stime}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
