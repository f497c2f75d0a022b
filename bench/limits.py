"""What the bare libraries and the disk would allow for the same mails, measured on one core in the same run."""

from __future__ import annotations

import email
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lxml import etree
from pypdf import PdfReader

_Result = TypeVar("_Result")

GROUP = 64  # mails that share one fdatasync, as many as one transaction of the daemon holds at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Seconds of processor time a mail, means over the mails."""

    mime: float
    pdf: float
    xml: float

    @property
    def together(self) -> float:
        """All that has to be parsed."""
        return self.mime + self.pdf + self.xml


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Mails a second that a file takes, each made durable before the next."""

    one_by_one: float
    in_groups: float


def libraries(mails: Sequence[bytes]) -> Libraries:
    """Parses mails with the stdlib's email package, pypdf and lxml, and does nothing with what they hold."""
    mime = pdf = xml = 0.0
    for octets in mails:
        documents, seconds = _timed(lambda: list(_documents(octets)))  # noqa: B023  -- called at once
        mime += seconds
        for document in documents:
            if document.startswith(b"%PDF"):
                embedded, seconds = _timed(lambda: _embedded_or_text(document))  # noqa: B023  -- the same
                pdf += seconds
            else:
                embedded = [document]
            _, seconds = _timed(lambda: [etree.fromstring(one) for one in embedded])  # noqa: B023  -- the same
            xml += seconds
    return Libraries(mime=mime / len(mails), pdf=pdf / len(mails), xml=xml / len(mails))


def disk(mails: Sequence[bytes], folder: Path | None) -> Disk:
    """Appends mails to a file below `folder` with fdatasync(2), one by one and in groups."""
    return Disk(one_by_one=_appended(mails, 1, folder), in_groups=_appended(mails, GROUP, folder))


def _documents(octets: bytes) -> Iterator[bytes]:
    for part in email.message_from_bytes(octets).walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            if part.get_filename() is not None and isinstance(content, bytes):
                yield content


def _embedded_or_text(octets: bytes) -> list[bytes]:
    """The XML of a hybrid PDF; from one for people the text of its page is taken, as nothing else tells."""
    reader = PdfReader(io.BytesIO(octets))
    embedded = [content for contents in reader.attachments.values() for content in contents]
    if not embedded:
        reader.pages[0].extract_text()
    return embedded


def _appended(mails: Iterable[bytes], group: int, folder: Path | None) -> float:
    with tempfile.TemporaryFile(dir=folder) as stream:
        begun = time.perf_counter()
        count = 0
        for count, octets in enumerate(mails, 1):
            stream.write(octets)
            if count % group == 0:
                stream.flush()
                os.fdatasync(stream.fileno())
        stream.flush()
        os.fdatasync(stream.fileno())
        return count / (time.perf_counter() - begun)


def _timed(call: Callable[[], _Result]) -> tuple[_Result, float]:
    begun = time.thread_time()
    result = call()
    return result, time.thread_time() - begun
