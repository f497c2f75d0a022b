"""Opens a PDF: the files embedded in it, the text of its pages, whether it is a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from pypdf import PasswordType, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, PdfObject, StreamObject

from ingest.processing.interim_reading.results import Unreadable

MAX_EMBEDDED = 100  # files
MAX_EMBEDDED_OCTETS = 50 * 1024**2
FIRST_PAGES, LAST_PAGES = 5, 2  # where an invoice names its number, date and totals
MAX_TEXT = 200_000  # characters
_MAX_NODES = 10_000  # of a name tree

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it complains of is in our reasons


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file inside a PDF (ISO 32000 7.11.4)."""

    name: str
    content: bytes


class Pdf:
    """An open PDF. Its methods never raise; what cannot be read is left out."""

    def __init__(self, reader: PdfReader, pages: int) -> None:
        self._reader = reader
        self._pages = pages

    def embedded(self) -> list[Embedded]:
        """The embedded files, each content once, in the order of name tree, then associated files."""
        found: dict[bytes, Embedded] = {}
        for specification in self._specifications():
            if len(found) == MAX_EMBEDDED:
                break
            one = _content(specification)
            if one is not None and len(one.content) <= MAX_EMBEDDED_OCTETS:
                found.setdefault(one.content, one)
        return list(found.values())

    def text(self) -> str:
        """The text of the first and last pages."""
        chosen = sorted(
            {*range(min(FIRST_PAGES, self._pages)), *range(max(0, self._pages - LAST_PAGES), self._pages)}
        )
        texts: list[str] = []
        for number in chosen:
            try:
                texts.append(self._reader.pages[number].extract_text())
            except Exception:
                continue
            if sum(map(len, texts)) > MAX_TEXT:
                break
        return "\n".join(texts)[:MAX_TEXT]

    def has_image(self) -> bool:
        """Whether the first page shows an image."""
        try:
            resources = _resolved(self._reader.pages[0].get("/Resources"))
            objects = (
                _resolved(resources.get("/XObject")) if isinstance(resources, DictionaryObject) else None
            )
            if not isinstance(objects, DictionaryObject):
                return False
            shown = (_resolved(one) for one in objects.values())
            return any(isinstance(one, DictionaryObject) and one.get("/Subtype") == "/Image" for one in shown)
        except Exception:
            return False

    def _specifications(self) -> Iterator[DictionaryObject]:
        try:
            root = self._reader.root_object
            names = _resolved(root.get("/Names"))
            if isinstance(names, DictionaryObject):
                yield from _name_tree(names.get("/EmbeddedFiles"))
            yield from _dictionaries(root.get("/AF"))
        except Exception:
            return


def open_pdf(octets: bytes) -> Pdf | Unreadable:
    """The PDF, or why it cannot be read. Never raises."""
    try:
        reader = PdfReader(BytesIO(octets))
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            return Unreadable(reason="the PDF is encrypted with a password")
        pages = len(reader.pages)
    except RecursionError:
        return Unreadable(reason="the PDF is broken: its page tree has no end")
    except Exception as error:
        return Unreadable(reason=f"the PDF is broken: {_sentence(error)}")
    if not pages:
        return Unreadable(reason="the PDF is broken: it has no pages")
    return Pdf(reader, pages)


def _name_tree(node: object) -> Iterator[DictionaryObject]:
    """The file specifications of a name tree (ISO 32000 7.9.6); it may loop or be deep."""
    waiting = [node]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_NODES:
        reference = waiting.pop(0)
        if isinstance(reference, IndirectObject):
            if reference.idnum in seen:
                continue
            seen.add(reference.idnum)
        current = _resolved(reference)
        if not isinstance(current, DictionaryObject):
            continue
        names = _resolved(current.get("/Names"))
        if isinstance(names, ArrayObject):
            yield from _dictionaries(ArrayObject(names[1::2]))
        children = _resolved(current.get("/Kids"))
        if isinstance(children, ArrayObject):
            waiting.extend(children)


def _dictionaries(array: object) -> Iterator[DictionaryObject]:
    resolved = _resolved(array)
    for one in resolved if isinstance(resolved, ArrayObject) else [resolved]:
        dictionary = _resolved(one)
        if isinstance(dictionary, DictionaryObject):
            yield dictionary


def _content(specification: DictionaryObject) -> Embedded | None:
    try:
        streams = _resolved(specification.get("/EF"))
        if not isinstance(streams, DictionaryObject):
            return None
        stream = _resolved(streams.get("/UF") or streams.get("/F"))
        if not isinstance(stream, StreamObject):
            return None
        name = specification.get("/UF") or specification.get("/F") or "embedded"
        return Embedded(str(_resolved(name)), stream.get_data())
    except Exception:
        return None


def _resolved(value: object) -> object:
    return value.get_object() if isinstance(value, PdfObject) else value


def _sentence(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
