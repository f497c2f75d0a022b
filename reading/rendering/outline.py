"""What a document says, as a tree of groups and values with their EN 16931 numbers; nothing of it is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from lxml import etree

_MOST_REST = 2_000  # values outside the tables that are listed
_SHOWN_WITH_THE_TEXT = {"schemeID", "unitCode", "currencyID", "filename", "mimeCode"}
_NOT_SHOWN = {"schemaLocation", "noNamespaceSchemaLocation", "format"}  # of XML itself; how a date is written
_CODE_BEFORE = re.compile(r"#([A-Z]{2,3})#\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A group in a syntax: its number, the XPath of its elements below the group around it, and what it holds.

    XPaths have local names only, for namespaces are taken off before. `terms` are pairs of number and XPath; of those
    in `joined` the elements found are parts of one value, with what stands between them; those in `coded` may begin
    with the code of another term between number signs.
    """

    group: str
    path: str
    terms: tuple[tuple[str, str], ...] = ()
    joined: Mapping[str, str] = field(default_factory=dict)
    coded: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[Where, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value as it stands in the document."""

    term: str
    text: str
    scheme: str = ""  # schemeID or listID
    unit: str = ""  # unitCode
    currency: str = ""  # currencyID
    file_name: str = ""  # of an attached file
    media_type: str = ""


@dataclass(slots=True, kw_only=True)
class Outlined:
    """A group that is there, with its values and groups in the order of the table."""

    group: str
    values: list[Value] = field(default_factory=list)
    groups: list[Outlined] = field(default_factory=list)

    def all(self, group: str) -> list[Outlined]:
        """The groups of this number directly below."""
        return [one for one in self.groups if one.group == group]

    def first(self, *terms: str) -> Value | None:
        """The first value of the first of these terms that is there."""
        return next((one for term in terms for one in self.values if one.term == term), None)

    def of(self, *terms: str) -> list[Value]:
        """Every value of these terms, in their order."""
        return [one for term in terms for one in self.values if one.term == term]

    def walk(self) -> Iterator[Value]:
        """Every value of this group and those below."""
        yield from self.values
        for one in self.groups:
            yield from one.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A value that no table knows, with the names of its elements."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A whole document."""

    root: Outlined
    rest: tuple[Rest, ...]
    left_out: int  # values of the rest beyond what is listed


def outline(root: etree._Element, where: Where) -> Outline:
    """Takes a document apart by a table; `root` has local names only. What the table does not know is the rest."""
    walk = _Walk()
    found = walk.group(root, where)
    rest = list(walk.rest(root))
    return Outline(root=found, rest=tuple(rest[:_MOST_REST]), left_out=max(0, len(rest) - _MOST_REST))


def with_local_names(root: etree._Element, renamed: dict[str, str] | None = None) -> etree._Element:
    """A copy of the tree without namespaces, comments and instructions; `renamed` are names that count as others."""
    names = renamed or {}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    copy: etree._Element = etree.fromstring(etree.tostring(root, with_tail=False), parser)
    for element in list(copy.iter()):
        if not isinstance(element.tag, str):
            _remove(element)
            continue
        local = etree.QName(element).localname
        element.tag = names.get(local, local)
        for name in list(element.attrib):
            plain = etree.QName(name).localname
            if plain != name:
                element.set(plain, element.attrib.pop(name))
    return copy


def _remove(element: etree._Element) -> None:
    """Takes a comment out, and leaves the text behind it in its place."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail or ""
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)


class _Walk:
    def __init__(self) -> None:
        self._taken: set[etree._Element] = set()  # holds the elements, so that they stay the same objects
        self._taken_signs: set[tuple[etree._Element, str]] = set()  # attributes

    def group(self, element: etree._Element, where: Where) -> Outlined:
        found = Outlined(group=where.group)
        for term, path in where.terms:
            values = [value for one in _at(element, path) if (value := self._value(one, term))]
            if term in where.joined and values:
                values = [replace(values[0], text=where.joined[term].join(one.text for one in values))]
            if term in where.coded:
                values = [part for one in values for part in _code_apart(one, where.coded[term])]
            found.values += values
        for inner in where.groups:
            for one in _at(element, inner.path):
                if not isinstance(one, etree._Element):
                    continue
                outlined = self.group(one, inner)
                if outlined.values or outlined.groups:
                    found.groups.append(outlined)
        return found

    def rest(self, root: etree._Element) -> Iterator[Rest]:
        for element in root.iter():
            names = [str(one.tag) for one in reversed([element, *element.iterancestors()])]
            path = " / ".join(names[1:])
            text = (element.text or "").strip()
            if text and element not in self._taken:
                yield Rest(path=path, text=text)
            for name, value in element.attrib.items():
                known = element in self._taken and name in _SHOWN_WITH_THE_TEXT
                if not known and name not in _NOT_SHOWN and (element, name) not in self._taken_signs:
                    yield Rest(path=f"{path} / @{name}".removeprefix(" / "), text=value)

    def _value(self, found: etree._Element | str, term: str) -> Value | None:
        if isinstance(found, etree._Element):
            return self._take(found, term)
        holder = found.getparent()  # type: ignore[attr-defined]  # a text that XPath found knows where it is from
        self._taken_signs.add((holder, found.attrname))  # type: ignore[attr-defined]  # the same
        return Value(term=term, text=str(found).strip()) if str(found).strip() else None

    def _take(self, element: etree._Element, term: str) -> Value | None:
        text = (element.text or "").strip()
        if not text or element in self._taken:
            return None
        self._taken.add(element)
        return Value(
            term=term,
            text=text,
            scheme=element.get("schemeID") or self._list_of(element, term),
            unit=element.get("unitCode") or "",
            currency=element.get("currencyID") or "",
            file_name=element.get("filename") or "",
            media_type=element.get("mimeCode") or "",
        )

    def _list_of(self, element: etree._Element, term: str) -> str:
        """The scheme of a classification stands in another attribute than that of identifiers."""
        if term != "BT-158":
            return ""
        self._taken_signs.add((element, "listID"))
        return element.get("listID") or ""


def _code_apart(value: Value, term: str) -> list[Value]:
    """A value that begins with the code of `term`, as two; any other as it is."""
    found = _CODE_BEFORE.fullmatch(value.text)
    if found is None:
        return [value]
    code, text = found.groups()
    return [Value(term=term, text=code), *([replace(value, text=text)] if text else [])]


def _at(element: etree._Element, path: str) -> list[etree._Element | str]:
    found = _xpath(path)(element)
    return found if isinstance(found, list) else []


@cache
def _xpath(path: str) -> etree.XPath:
    return etree.XPath(path)
