"""Composes the sheet of an invoice from its outline: what goes where, and under which words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reading.rendering.codes import in_words, unit_in_words
from reading.rendering.outline import Outline, Outlined, Value
from reading.rendering.sheet import Block, Cell, Fact, Facts, Pair, Sheet, Table
from reading.rendering.shown import shown
from reading.rendering.words import WORDS
from reading.term_names import ENGLISH, GERMAN

_HEAD = (
    *("BT-1", "BT-2", "BT-3", "BT-5", "BT-6", "BT-7", "BT-8", "BT-9", "BT-72"),
    *("BT-10", "BT-11", "BT-12", "BT-13", "BT-14", "BT-15", "BT-16", "BT-17", "BT-18", "BT-19"),
)
_PROCESS = ("BT-23", "BT-24")
_PARTY_WORDS = {"BG-4": (" des Verkäufers", "Seller "), "BG-7": (" des Käufers", "Buyer ")}
_STRONG = {"BT-112", "BT-115"}
_MOST_CHARACTERS = 4_000  # of one value that is listed


class _Composer:
    def __init__(self, outline: Outline, language: str) -> None:
        self._outline = outline
        self._root = outline.root
        self._language = language
        self._names = GERMAN if language == "de" else ENGLISH
        currency = self._root.first("BT-5")
        self._currency = currency.text if currency else ""

    def sheet(self) -> Sheet:
        blocks: list[Block | None] = [
            self._parties(),
            self._facts(self._word("invoice"), self._root.of(*_HEAD)),
            *self._plain("BG-3", "BG-10", "BG-11", "BG-13", "BG-14"),
            self._notes(),
            self._lines(),
            self._charges("BG-20", "BG-21"),
            self._taxes(),
            self._totals(),
            *self._payment(),
            *self._documents(),
            self._facts(self._word("process"), self._root.of(*_PROCESS)),
            self._left(),
            self._rest(),
        ]
        return Sheet(
            language=self._language,
            mark=self._word("mark"),
            title=self._title(),
            blocks=tuple(one for one in blocks if one is not None),
        )

    def _word(self, key: str) -> str:
        return WORDS[key][self._language != "de"]

    def _title(self) -> str:
        kind, number = self._root.first("BT-3"), self._root.first("BT-1")
        words = in_words("BT-3", kind.text, self._language) if kind else None
        return " ".join(filter(None, [words or self._word("invoice"), number.text if number else None]))

    def _fact(self, value: Value) -> Fact:
        text = shown(value, self._language, self._currency)
        if len(text) > _MOST_CHARACTERS:
            text = f"{text[:_MOST_CHARACTERS]} … ({len(text) - _MOST_CHARACTERS} {self._word('more-characters')})"
        label = self._names.get(value.term, value.term)
        return Fact(label=label, text=text, term=value.term, strong=value.term in _STRONG)

    def _facts(self, heading: str, values: Iterable[Value]) -> Facts | None:
        facts = tuple(self._fact(value) for value in values if value.term)
        return Facts(heading=heading, facts=facts) if facts else None

    def _parties(self) -> Pair | None:
        blocks = [
            self._without(_PARTY_WORDS[group][self._language != "de"], facts)
            for group in ("BG-4", "BG-7")
            for one in self._root.all(group)
            if (facts := self._facts(self._names[group], one.values)) is not None
        ]
        return Pair(blocks=tuple(blocks)) if blocks else None

    def _without(self, words: str, block: Facts) -> Facts:
        """The heading says whose name and street it is."""
        facts = []
        for fact in block.facts:
            label = fact.label.replace(words, "").strip()
            facts.append(replace(fact, label=label[:1].upper() + label[1:]))
        return replace(block, facts=tuple(facts))

    def _plain(self, *groups: str) -> list[Facts | None]:
        return [
            self._facts(self._names[group], one.values) for group in groups for one in self._root.all(group)
        ]

    def _notes(self) -> Facts | None:
        values = [value for one in self._root.all("BG-1") for value in one.values]
        return self._facts(self._names["BG-1"], values)

    def _cell(self, values: Sequence[Value], *, right: bool = False) -> Cell:
        facts = dict.fromkeys(
            self._fact(one) for one in values if one.term
        )  # what is said twice is shown once
        return Cell(facts=tuple(facts), right=right)

    def _lines(self) -> Table | None:
        rows = [row for line in self._root.all("BG-25") for row in self._line(line)]
        if not rows:
            return None
        names = ("position", "item", "quantity", "price", "vat", "net")
        return Table(
            heading=self._names["BG-25"],
            columns=tuple(self._word(name) for name in names),
            rows=tuple(rows),
            widths=(6, 35, 12, 15, 18, 14),
        )

    def _line(self, line: Outlined) -> list[tuple[Cell, ...]]:
        price = line.of("BT-146", "BT-147", "BT-148", "BT-149")
        quantity = line.of("BT-129", "BT-130")
        rates = line.of("BT-152", "BT-151")
        item = line.of(
            *("BT-153", "BT-154", "BT-155", "BT-156", "BT-157", "BT-158", "BT-159"),
            *("BT-127", "BT-128", "BT-132", "BT-133", "BT-134", "BT-135"),
        )
        inner = [one for group in ("BG-32", "BG-26", "BG-27", "BG-28") for one in line.all(group)]
        details = tuple(fact for one in inner for fact in self._inner(one))
        first = self._cell(item)
        row = (
            self._cell(line.of("BT-126")),
            Cell(facts=(*first.facts, *details)),
            self._quantity(quantity),
            self._cell(price, right=True),
            _without_labels(self._cell(rates, right=True)),
            self._cell(line.of("BT-131"), right=True),
        )
        return [row, *(below for one in line.all("BG-25") for below in self._line(one))]

    def _quantity(self, values: Sequence[Value]) -> Cell:
        """A unit of its own, as national formats have it, joins the quantity."""
        facts = []
        for value in values:
            fact = self._fact(value)
            if value.term == "BT-130":
                fact = Fact(label=fact.label, text=unit_in_words(value.text, self._language), term=fact.term)
            facts.append(fact)
        return Cell(facts=tuple(facts), right=True)

    def _inner(self, group: Outlined) -> list[Fact]:
        """An attribute is a fact of its own name; the rest are told term by term."""
        facts = [self._fact(value) for value in group.values if value.term]
        if group.group == "BG-32" and len(facts) == 2:
            name, value = facts
            return [Fact(label=name.text, text=value.text, term="BT-160 BT-161")]
        return facts

    def _charges(self, *groups: str) -> Table | None:
        rows = []
        for group in groups:
            for one in self._root.all(group):
                first = 92 if group == "BG-20" else 99
                reason, base, percent = f"BT-{first + 5}", f"BT-{first + 1}", f"BT-{first + 2}"
                kind = Fact(label="", text=self._names[group])
                rows.append(
                    (
                        Cell(facts=(kind, *self._cell(one.of(reason, f"BT-{first + 6}")).facts)),
                        self._cell(one.of(base), right=True),
                        self._cell(one.of(percent), right=True),
                        _without_labels(self._cell(one.of(f"BT-{first + 4}", f"BT-{first + 3}"), right=True)),
                        self._cell(one.of(f"BT-{first}"), right=True),
                    )
                )
        if not rows:
            return None
        names = ("reason", "base", "percent", "vat", "amount")
        columns = tuple(self._word(name) for name in names)
        heading = self._word("allowances-and-charges")
        return Table(heading=heading, columns=columns, rows=tuple(rows), widths=(44, 16, 10, 14, 16))

    def _taxes(self) -> Table | None:
        rows = [
            (
                self._cell(one.of("BT-118", "BT-120", "BT-121", "BT-7", "BT-8")),
                self._cell(one.of("BT-119"), right=True),
                self._cell(one.of("BT-116"), right=True),
                self._cell(one.of("BT-117"), right=True),
            )
            for one in self._root.all("BG-23")
        ]
        if not rows:
            return None
        columns = tuple(self._word(name) for name in ("category", "rate", "base", "tax"))
        return Table(heading=self._names["BG-23"], columns=columns, rows=tuple(rows), widths=(49, 15, 18, 18))

    def _totals(self) -> Facts | None:
        values = [value for one in self._root.all("BG-22") for value in one.values]
        heading = f"{self._names['BG-22']} ({self._currency})" if self._currency else self._names["BG-22"]
        return self._facts(heading, values)

    def _payment(self) -> list[Facts | None]:
        blocks: list[Facts | None] = [self._facts(self._names["BT-20"], self._root.of("BT-20"))]
        for group in self._root.all("BG-16"):
            blocks.append(self._facts(self._names["BG-16"], group.values))
            blocks += [self._facts(self._names["BG-16"], one.values) for one in group.all("BG-17")]
        return blocks

    def _documents(self) -> list[Facts | None]:
        values = [value for one in self._root.all("BG-24") for value in one.values]
        return [self._facts(self._names["BG-24"], values)]

    def _left(self) -> Facts | None:
        """Terms of the root that have no place above, so that a table may grow without losing any."""
        placed = {*_HEAD, *_PROCESS, "BT-20"}
        return self._facts(self._word("more"), [one for one in self._root.values if one.term not in placed])

    def _rest(self) -> Facts | None:
        facts = [Fact(label=one.path, text=self._bounded(one.text)) for one in self._outline.rest]
        if self._outline.left_out:
            facts.append(Fact(label="…", text=f"{self._outline.left_out} {self._word('more-values')}"))
        return Facts(heading=self._word("rest"), facts=tuple(facts)) if facts else None

    def _bounded(self, text: str) -> str:
        if len(text) <= _MOST_CHARACTERS:
            return text
        return f"{text[:200]} … ({len(text) - 200} {self._word('more-characters')})"


def _without_labels(cell: Cell) -> Cell:
    """Where the column says what it is."""
    return replace(cell, facts=tuple(replace(one, label="") for one in cell.facts))


def compose(outline: Outline, language: str) -> Sheet:
    """The sheet in "de" or "en"."""
    return _Composer(outline, language).sheet()
