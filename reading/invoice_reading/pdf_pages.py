"""Takes the text of a PDF's first and last pages, and sees whether pages are mere pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pypdf import PageObject, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

MOST_CHARACTERS = 200_000
_FIRST_PAGES, _LAST_PAGES = 5, 2  # number and totals stand at the ends
_MOST_OCTETS_OF_A_PAGE = 4_000_000  # a page of text has some 20,000
_MOST_OPERATIONS = 150_000  # of all pages together; they take up to 30 us each
_CELL = re.compile(r"\S+(?: \S+)*")
_TELLS = re.compile(r"\d")
_AMOUNT = re.compile(r"\d[.,]\d{2}(?!\d|[.,/\-])")
_MOST_CELLS = 20  # of a line
_COLUMN_GAP = re.compile(r"[^\S\n]{2,}|\t")


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages show; `trouble` says what could not be read of them."""

    text: str
    pictures: bool
    trouble: str | None


def read_pages(reader: PdfReader) -> Pages:
    """Text of at most seven pages, cut at MOST_CHARACTERS, blanks between columns made two.

    Raises what pypdf raises on a page tree that cannot be read; a single bad page is trouble only.
    """
    count = len(reader.pages)
    if count == 0:
        return Pages("", pictures=False, trouble="the PDF has no pages")
    chosen = [number for number in range(count) if number < _FIRST_PAGES or number >= count - _LAST_PAGES]
    budget = _Budget(_MOST_OPERATIONS)
    texts: list[str] = []
    pictures = False
    trouble: str | None = None
    for number in chosen:
        page = reader.pages[number]
        try:
            pictures = pictures or _has_picture(page)
            texts.append(_text(page, budget))
        except LimitReachedError:
            trouble = f"page {number + 1} of the PDF holds too much to be read"
        except Exception as error:  # noqa: BLE001, PERF203, RUF100  -- pypdf raises anything on damaged pages
            trouble = f"page {number + 1} of the PDF cannot be read ({type(error).__name__})"
    text = _COLUMN_GAP.sub("  ", "\n".join(texts)[:MOST_CHARACTERS])
    return Pages(text, pictures, trouble)


def read_layout(reader: PdfReader) -> str:
    """Text of the same pages line by line as a person sees it, columns two blanks apart; slower than `read_pages`.

    What stands below a heading of a column follows once more as a line of its own, "heading  value". To be called
    only on pages that `read_pages` had no trouble with. Never raises.
    """
    count = len(reader.pages)
    texts: list[str] = []
    for number in range(count):
        if number >= _FIRST_PAGES and number < count - _LAST_PAGES:
            continue
        try:
            text = reader.pages[number].extract_text(
                extraction_mode="layout", layout_mode_space_vertically=False
            )
        except Exception:  # noqa: BLE001, S112, RUF100  -- pypdf raises anything; without the layout we know less
            continue
        texts.append(text[:MOST_CHARACTERS])
    lines = "\n".join(texts)[:MOST_CHARACTERS].splitlines()
    return "\n".join(_COLUMN_GAP.sub("  ", line) for line in [*lines, *_below_headings(lines)])


def _below_headings(lines: list[str]) -> Iterator[str]:
    """Cells of a line that stand below cells of the line before, each pair as a line.

    No amounts: below "total" stands that of the first item.
    """
    above: list[re.Match[str]] = []
    for line in lines:
        if not line.strip():
            continue
        cells = list(_CELL.finditer(line))[:_MOST_CELLS]
        for heading in above:
            if any(sign.isdigit() for sign in heading[0]):
                continue
            below = [one for one in cells if one.start() < heading.end() and heading.start() < one.end()]
            if len(below) == 1 and _TELLS.search(below[0][0]) and not _AMOUNT.search(below[0][0]):
                yield f"{heading[0].rstrip(' :')}:  {below[0][0]}"
        above = cells


class _Budget:
    """Counts the drawing operations of all pages, also those repeated in forms within forms."""

    def __init__(self, operations: int) -> None:
        self._left = operations

    def spend(self, *_operation: object) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitReachedError("too many drawing operations")


def _text(page: PageObject, budget: _Budget) -> str:
    if _octets_of_contents(page) > _MOST_OCTETS_OF_A_PAGE:
        raise LimitReachedError("too much content on a page")
    with apply_configuration(zlib_maximum_output_length=10_000_000):  # fonts and forms
        return page.extract_text(visitor_operand_before=budget.spend)[:MOST_CHARACTERS]


def _octets_of_contents(page: PageObject) -> int:
    contents = _resolved(page.get("/Contents"))
    streams = contents if isinstance(contents, ArrayObject) else [contents]
    octets = 0
    for one in streams:
        stream = _resolved(one)
        if isinstance(stream, StreamObject) and octets <= _MOST_OCTETS_OF_A_PAGE:
            octets += len(stream.get_data())
    return octets


def _has_picture(page: PageObject) -> bool:
    objects = _dictionary(_dictionary(page.get("/Resources")).get("/XObject"))
    return any(_dictionary(one).get("/Subtype") == "/Image" for one in list(objects.values())[:100])


def _dictionary(found: object) -> DictionaryObject:
    resolved = _resolved(found)
    return resolved if isinstance(resolved, DictionaryObject) else DictionaryObject()


def _resolved(found: object) -> object:
    return found.get_object() if isinstance(found, IndirectObject) else found
