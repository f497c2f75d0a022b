"""Lists the files embedded in a PDF, from its name tree and from /AF (ISO 32000-2, 7.11.4 and 14.13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pypdf import PdfReader
from pypdf.errors import LimitReachedError
from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

MOST_FILES = 100
MOST_OCTETS_OF_A_FILE = 50_000_000
_MOST_OCTETS = 100_000_000  # of all embedded files together
_MOST_NODES = 10_000
_MOST_PAGES = 20  # whose own /AF is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedFile:
    """An embedded file; octets are None where they cannot be had, trouble says why."""

    name: str
    relationship: str  # AFRelationship without its slash: Alternative, Data, Source ...; empty when absent
    octets: bytes | None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The embedded files, and what kept us from seeing all of them."""

    files: tuple[EmbeddedFile, ...]
    trouble: str | None


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str  # in the name tree; empty in /AF
    specification: DictionaryObject


def embedded_files(reader: PdfReader) -> Listing:
    """All embedded files of an opened PDF, each once, in a fixed order; loops and floods are cut.

    Raises what pypdf raises on a catalog that cannot be read.
    """
    walk = _Walk()
    catalog = reader.root_object
    walk.name_tree(_get(_get(catalog, "/Names"), "/EmbeddedFiles"))
    walk.associated(_get(catalog, "/AF"))
    if not walk.entries:
        walk.pages(reader)
    return walk.listing()


class _Walk:
    """Collects file specifications without visiting anything twice."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self._seen: set[tuple[int, int] | int] = set()
        self._nodes = 0
        self._trouble: str | None = None

    def name_tree(self, tree: Any) -> None:
        waiting = [tree]
        visited: list[DictionaryObject] = []  # keeps the nodes alive: their ids must stay theirs
        while waiting:
            node = _resolved(waiting.pop())
            if not isinstance(node, DictionaryObject):
                continue
            if any(node is one for one in visited[-200:]) or self._too_many():
                self._trouble = "the PDF's list of embedded files runs in a circle or has no end"
                return
            visited.append(node)
            self._leaves(_items(node, "/Names"))
            waiting.extend(reversed(_items(node, "/Kids")))

    def associated(self, files: Any) -> None:
        resolved = _resolved(files)
        for one in resolved if isinstance(resolved, list) else [resolved]:
            self._add("", one)

    def pages(self, reader: PdfReader) -> None:
        for number in range(min(len(reader.pages), _MOST_PAGES)):
            page = reader.pages[number]
            self.associated(_get(page, "/AF"))
            for annotation in _items(page, "/Annots")[:MOST_FILES]:
                if _get(annotation, "/Subtype") == "/FileAttachment":
                    self._add("", _get(annotation, "/FS"))

    def listing(self) -> Listing:
        files: list[EmbeddedFile] = []
        left = _MOST_OCTETS
        for entry in self.entries:
            if left < 0:
                self._trouble = "the PDF's embedded files are too large to look at all of them"
                break
            one = _embedded(entry)
            left -= len(one.octets or b"")
            files.append(one)
        return Listing(tuple(files), self._trouble)

    def _leaves(self, names: list[Any]) -> None:
        for position in range(0, len(names) - 1, 2):
            self._add(_as_text(names[position]), names[position + 1])

    def _add(self, name: str, specification: Any) -> None:
        found = _resolved(specification)
        if not isinstance(found, DictionaryObject) or not isinstance(_get(found, "/EF"), DictionaryObject):
            return
        key: tuple[int, int] | int = (
            (specification.idnum, specification.generation)
            if isinstance(specification, IndirectObject)
            else id(found)
        )
        if key in self._seen:
            return
        if len(self.entries) >= MOST_FILES:
            self._trouble = "the PDF has too many embedded files to look at all of them"
            return
        self._seen.add(key)
        self.entries.append(_Entry(name, found))

    def _too_many(self) -> bool:
        self._nodes += 1
        return self._nodes > _MOST_NODES


def _embedded(entry: _Entry) -> EmbeddedFile:
    specification = entry.specification
    name = _as_text(_get(specification, "/UF")) or _as_text(_get(specification, "/F")) or entry.name
    relationship = _as_text(_get(specification, "/AFRelationship")).lstrip("/")
    octets: bytes | None = None
    trouble: str | None = None
    try:
        stream = next(_streams(specification), None)
        if stream is None:
            trouble = "it has no content"
        else:
            octets = stream.get_data()
            if len(octets) > MOST_OCTETS_OF_A_FILE:
                octets, trouble = None, "it is too large"
    except LimitReachedError:
        trouble = "it is too large once unpacked"
    except Exception as error:
        trouble = f"it cannot be unpacked ({type(error).__name__})"
    return EmbeddedFile(name=name[:200], relationship=relationship[:40], octets=octets, trouble=trouble)


def _streams(specification: DictionaryObject) -> Iterator[StreamObject]:
    contents = _get(specification, "/EF")
    for key in ("/UF", "/F", "/DOS", "/Mac", "/Unix"):
        stream = _get(contents, key)
        if isinstance(stream, StreamObject):
            yield stream


def _get(dictionary: Any, key: str) -> Any:
    holder = _resolved(dictionary)
    return _resolved(holder.get(key)) if isinstance(holder, DictionaryObject) else None


def _items(dictionary: Any, key: str) -> list[Any]:
    found = _get(dictionary, key)
    return list(found) if isinstance(found, list) else []


def _resolved(found: Any) -> Any:
    return found.get_object() if isinstance(found, IndirectObject) else found


def _as_text(found: Any) -> str:
    resolved = _resolved(found)
    if isinstance(resolved, bytes):
        return resolved.decode("utf-8", "replace")
    return resolved if isinstance(resolved, str) else ""
