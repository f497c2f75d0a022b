"""Lists all leaf parts of a mail, those inside containers too, each with a path of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from reading.mime import Leaf, parse_mail
from reading.mime.entity_header import begins_like_a_mail
from reading.mime.file_names import Names, safe_name
from reading.mime.media_types import OCTETS, XML, media_type
from reading.unpacking.archives import open_gzip, open_zip
from reading.unpacking.cms import open_cms, undone_base64
from reading.unpacking.embedded_objects import holds_attachments, open_invoice
from reading.unpacking.encoded_text import holds_files, open_text
from reading.unpacking.opened import MOST_LEVELS, Budget, Opened, Packed
from reading.unpacking.winmail import open_winmail
from storage.records.reading import PartRole

_CMS = "application/pkcs7-mime"
_MIME_FIELD = re.compile(rb"^(?:Content-Type|MIME-Version)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_HEADER_OCTETS = 64 * 1024  # in which one of these fields stands
_NOT_OPENED = {
    "application/vnd.rar": "a RAR archive is not opened here",
    "application/x-7z-compressed": "a 7z archive is not opened here",
    "application/x-tar": "a tar archive is not opened here",
    "application/pgp-encrypted": "it is encrypted (OpenPGP), and this mailbox has no key",
}
_CONTAINERS = {"application/zip", "application/gzip", "application/ms-tnef", _CMS, *_NOT_OPENED}


@dataclass(slots=True)
class Contents:
    """The leaf parts of a mail in their order, a container before what it holds."""

    leaves: list[Leaf] = field(default_factory=list)
    containers: set[str] = field(default_factory=set)  # paths of leaves that are no document themselves
    troubles: dict[str, str] = field(default_factory=dict)  # path of a container to why it was not read whole
    notes: list[str] = field(
        default_factory=list
    )  # what people should know, such as the state of a signature

    def documents(self) -> list[Leaf]:
        """The leaf parts that may be documents: an archive is none, whatever its first octets look like."""
        return [leaf for leaf in self.leaves if leaf.path not in self.containers]


def unpack(leaves: Sequence[Leaf]) -> Contents:
    """All leaf parts of a mail, and those that they hold, within the bounds of `opened`. Never raises."""
    return _Unpacking(leaves).contents


class _Unpacking:
    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.contents = Contents()
        self._names = Names()
        self._budget = Budget()
        for leaf in leaves:  # names that are given already stay as they are
            self._names.unique(leaf.name)
        for leaf in leaves:
            self._add(leaf, MOST_LEVELS)

    def _add(self, leaf: Leaf, levels: int) -> None:
        self.contents.leaves.append(leaf)
        if leaf.of_invoice:
            return
        opened = _opened(leaf, self._budget, levels)
        if opened is None:
            return
        if leaf.media_type in _CONTAINERS or _cms_as_text(leaf) is not None:
            self.contents.containers.add(leaf.path)
        self.contents.notes += opened.notes
        if opened.trouble is not None:
            self.contents.troubles[leaf.path] = opened.trouble
        for number, file in enumerate(opened.files, start=1):
            for inner in self._leaves(file, f"{leaf.path}!{number}", of_invoice=opened.of_invoice):
                self._add(inner, levels - 1)

    def _leaves(self, file: Packed, path: str, *, of_invoice: bool) -> Iterator[Leaf]:
        found = media_type(file.octets, OCTETS)
        if found == OCTETS and not of_invoice and _is_mail(file.octets):
            for leaf in parse_mail(file.octets).leaves:
                name = self._names.unique(leaf.name)
                yield replace(leaf, path=f"{path}/{leaf.path}", name=name)
            return
        yield Leaf(
            path=path,
            name=self._names.unique(safe_name(file.name, path.replace("!", "-"), found)),
            declared_type=OCTETS,
            media_type=found,
            content=file.octets,
            content_id=None,
            role=PartRole.ATTACHMENT,
            of_invoice=of_invoice,
        )


def _opened(leaf: Leaf, budget: Budget, levels: int) -> Opened | None:
    """What a leaf holds; None for a leaf that is no container."""
    kind = leaf.media_type
    cms = leaf.content if kind == _CMS else _cms_as_text(leaf)
    is_invoice = kind == XML and holds_attachments(leaf.content)
    is_text = kind.startswith("text/") and holds_files(leaf.content)
    if not (kind in _CONTAINERS or cms is not None or is_invoice or is_text):
        return None
    if kind in _NOT_OPENED:
        return Opened(trouble=_NOT_OPENED[kind])
    if levels <= 0:
        return Opened(trouble=f"it is packed more than {MOST_LEVELS} times over")
    if cms is not None:
        return open_cms(cms, budget, leaf.name)
    match kind:
        case "application/zip":
            return open_zip(leaf.content, budget)
        case "application/gzip":
            return open_gzip(leaf.content, budget, leaf.name)
        case "application/ms-tnef":
            return open_winmail(leaf.content, budget)
    if is_invoice:
        return open_invoice(leaf.content, budget)
    return open_text(leaf.content, budget)


def _is_mail(octets: bytes) -> bool:
    """Whether a file is a mail, or the MIME entity that S/MIME signs; any text may begin with a word and a colon."""
    return begins_like_a_mail(octets, 0) and _MIME_FIELD.search(octets[:_HEADER_OCTETS]) is not None


def _cms_as_text(leaf: Leaf) -> bytes | None:
    """CMS in Base64, as some Italian senders write it; by its name, for any text may look so."""
    return undone_base64(leaf.content) if leaf.name.lower().endswith((".p7m", ".p7c")) else None
