"""Takes the text of a PDF's first and last pages, and sees whether pages are mere pictures."""

from __future__ import annotations

from dataclasses import dataclass

from pypdf import PdfReader
from pypdf.generic import DictionaryObject, IndirectObject

MOST_CHARACTERS = 200_000
_FIRST_PAGES, _LAST_PAGES = 5, 2  # number and totals stand at the ends


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages show; `trouble` says what could not be read of them."""

    text: str
    pictures: bool
    trouble: str | None


def read_pages(reader: PdfReader) -> Pages:
    """Text of at most seven pages, cut at MOST_CHARACTERS.

    Raises what pypdf raises on a page tree that cannot be read; a single bad page is trouble only.
    """
    count = len(reader.pages)
    if count == 0:
        return Pages("", pictures=False, trouble="the PDF has no pages")
    chosen = [number for number in range(count) if number < _FIRST_PAGES or number >= count - _LAST_PAGES]
    texts: list[str] = []
    pictures = False
    trouble: str | None = None
    for number in chosen:
        page = reader.pages[number]
        try:
            texts.append(page.extract_text()[:MOST_CHARACTERS])
            pictures = pictures or _has_picture(page)
        except Exception as error:  # noqa: BLE001, PERF203, RUF100  -- pypdf raises anything on damaged pages
            trouble = f"page {number + 1} of the PDF cannot be read ({type(error).__name__})"
    return Pages("\n".join(texts)[:MOST_CHARACTERS], pictures, trouble)


def _has_picture(page: DictionaryObject) -> bool:
    objects = _dictionary(_dictionary(page.get("/Resources")).get("/XObject"))
    return any(_dictionary(one).get("/Subtype") == "/Image" for one in list(objects.values())[:100])


def _dictionary(found: object) -> DictionaryObject:
    resolved = found.get_object() if isinstance(found, IndirectObject) else found
    return resolved if isinstance(resolved, DictionaryObject) else DictionaryObject()
