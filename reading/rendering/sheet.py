"""The blocks of a readable invoice, in one language; drawn as HTML or PDF."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label and what stands beside it; `term` is its EN 16931 number, empty where there is none."""

    label: str
    text: str
    term: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A list of facts under a heading."""

    heading: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Blocks of facts that stand beside each other where there is room."""

    blocks: tuple[Facts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: its first line, and smaller lines below."""

    facts: tuple[Fact, ...] = ()  # the first is the cell's own, without its label
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows below column headings."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[int, ...]  # in parts


Block = Facts | Pair | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A whole invoice."""

    language: str
    mark: str  # that this is not the invoice itself
    title: str
    blocks: tuple[Block, ...]
