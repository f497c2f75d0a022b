"""Reads mails in processes of their own that can be killed, so that no mail holds up another or takes us down."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType

from reading.together import joined, parts_of
from storage import codec
from storage.records.reading import MailReading

READER = "reading.reader"  # not imported: it pulls in every parser there is
READ, EXTRACT, RENDER = b"R", b"X", b"H"  # what a reader is asked for
FOUND, MISSING = b"F", b"M"  # its answer to the latter two
SHA256_CHARACTERS = 64
TOGETHER_SECONDS = (
    5.0  # for small mails that are read in one go; what takes longer is read again, each by itself
)


_DIED = "the process that read the mail died, perhaps for want of memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one mail may cost."""

    seconds: int = 30
    memory_octets: int = 1536 * 1024**2  # of a reader process; a 35 MB mail needs some 400 MB
    mails_per_process: int = 2000  # then a fresh process takes over, whatever the libraries leak


@dataclass(frozen=True, slots=True)
class ReadingFailed:
    """A mail that no reader survived, or that took too long; `reason` in words."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """Which part is to be shown, and how."""

    sha256: str
    language: str
    number: str | None
    as_pdf: bool

    def to_octets(self) -> bytes:
        """As one line."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_octets(cls, octets: bytes) -> RenderRequest:
        """The reverse of to_octets."""
        return cls(**json.loads(octets))


class _Reader:
    """One reader process and what it is busy with."""

    def __init__(self, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  -- our own interpreter and module
                [
                    *(sys.executable, "-P", "-m", READER, str(theirs.fileno())),
                    *(str(limits.memory_octets), str(limits.seconds)),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C and systemd's SIGTERM reach the parent alone
            )
        self.connection = Connection(ours.detach())
        self.mails: Sequence[tuple[str, bytes]] = ()  # at hand, by mail id
        self.deadline = 0.0
        self.served = 0

    def ask(self, request: bytes, mails: Sequence[tuple[str, bytes]], seconds: float) -> None:
        self.mails = mails
        self.deadline = time.monotonic() + seconds
        self.connection.send_bytes(request)

    def answer(self) -> bytes:
        octets = self.connection.recv_bytes()
        self.served += len(self.mails)
        self.mails = ()
        return octets

    def close(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.wait()


class ReaderPool:
    """A few reader processes; used by one thread."""

    def __init__(self, size: int, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._size = size
        self._readers: list[_Reader] = []
        self._alone: deque[tuple[str, bytes]] = deque()  # spoilt by another one that was read with them

    def __enter__(self) -> ReaderPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def busy(self) -> int:
        """How many readers are at work, or soon will be."""
        return sum(bool(reader.mails) for reader in self._readers) + len(self._alone)

    @property
    def free(self) -> int:
        """How many more readers can be given something now."""
        return max(0, self._size - self.busy)

    def start(self, mail_id: str, octets: bytes) -> ReadingFailed | None:
        """Hands a mail to a free reader process; a failure where even that does not work."""
        return self._start([(mail_id, octets)], self._limits.seconds)

    def start_together(self, mails: Sequence[tuple[str, bytes]]) -> ReadingFailed | None:
        """The same with some small mails, by id, that are read in one go: a process that was just woken is slow.

        If one of them is the death of the reader, or takes too long, each is read again by itself.
        """
        seconds = float(self._limits.seconds)
        return self._start(mails, min(TOGETHER_SECONDS, seconds) if len(mails) > 1 else seconds)

    def finished(self, seconds: float) -> Iterator[tuple[str, MailReading | ReadingFailed]]:
        """Waits at most `seconds` and yields (mail id, what was read) of every mail that is ready or failed."""
        while self._alone and sum(bool(one.mails) for one in self._readers) < self._size:
            mail_id, octets = self._alone.popleft()
            failed = self.start(mail_id, octets)
            if failed is not None:
                yield mail_id, failed
        busy = [one for one in self._readers if one.mails]
        if not busy:
            return
        first_deadline = min(one.deadline for one in busy) - time.monotonic()
        ready = wait([one.connection for one in busy], max(0.0, min(seconds, first_deadline)))
        for one in busy:
            if one.connection in ready:
                yield from self._collect(one)
            elif time.monotonic() >= one.deadline:
                yield from self._failed(one, f"reading took longer than {self._limits.seconds} s")

    def read(self, mail_id: str, octets: bytes) -> MailReading | ReadingFailed:
        """Reads one mail, while no other is being read."""
        failed = self.start(mail_id, octets)
        while failed is None:
            for _, result in self.finished(1.0):
                return result
        return failed

    def extract(self, octets: bytes, sha256: str) -> bytes | None:
        """The content of the leaf part with this digest, None when there is none.

        Raises RuntimeError when the mail cannot be read within the limits.
        """
        return self._ask(EXTRACT + sha256.encode("ascii") + octets)

    def render(
        self, octets: bytes, sha256: str, language: str, *, number: str | None = None, as_pdf: bool = False
    ) -> bytes | None:
        """A page for people that shows the invoice for machines in the leaf part with this digest.

        `octets` is the mail, `language` "de" or "en", `number` the invoice's (BT-1) where the part holds several.
        UTF-8 HTML that needs nothing from outside, or a PDF. None where the part is not there, or holds no invoice for
        machines. Raises RuntimeError as `extract` does.
        """
        wanted = RenderRequest(sha256=sha256, language=language, number=number, as_pdf=as_pdf)
        return self._ask(RENDER + wanted.to_octets() + b"\n" + octets)

    def _ask(self, request: bytes) -> bytes | None:
        idle = self._idle()
        try:
            idle.ask(request, [("extract", b"")], self._limits.seconds)
            if not idle.connection.poll(self._limits.seconds):
                self._drop(idle)
                raise RuntimeError(f"reading took longer than {self._limits.seconds} s")
            answer = idle.answer()
        except (OSError, EOFError):
            self._drop(idle)
            raise RuntimeError("the process that read the mail died") from None
        return answer[1:] if answer[:1] == FOUND else None

    def close(self) -> None:
        """Ends every reader process, also a busy one."""
        for one in self._readers:
            one.close()
        self._readers.clear()
        self._alone.clear()

    def _start(self, mails: Sequence[tuple[str, bytes]], seconds: float) -> ReadingFailed | None:
        idle = self._idle()
        try:
            idle.ask(joined(READ, (octets for _, octets in mails)), mails, seconds)
        except OSError:
            return next((failed for _, failed in self._failed(idle, _DIED)), None)
        return None

    def _idle(self) -> _Reader:
        for one in self._readers:
            if not one.mails:
                if one.served < self._limits.mails_per_process:
                    return one
                self._drop(one)
                break
        fresh = _Reader(self._limits)
        self._readers.append(fresh)
        return fresh

    def _collect(self, one: _Reader) -> Sequence[tuple[str, MailReading | ReadingFailed]]:
        mails = one.mails
        readings = _guarded(lambda: [codec.reading_from_octets(part) for part in parts_of(one.answer(), 0)])
        if readings is None or len(readings) != len(mails):
            one.mails = mails
            return self._failed(one, _DIED)
        return [(mail_id, reading) for (mail_id, _), reading in zip(mails, readings, strict=True)]

    def _failed(self, one: _Reader, reason: str) -> Sequence[tuple[str, ReadingFailed]]:
        """Of several mails nobody knows which one it was, so none of them has failed yet."""
        self._drop(one)
        if len(one.mails) > 1:
            self._alone.extend(one.mails)
            return []
        return [(mail_id, ReadingFailed(reason)) for mail_id, _ in one.mails]

    def _drop(self, one: _Reader) -> None:
        self._readers.remove(one)
        one.close()


def _guarded(read: Callable[[], list[MailReading]]) -> list[MailReading] | None:
    try:
        return read()
    except (OSError, EOFError, ValueError):  # ValueError: the process is no longer in its right mind
        return None
