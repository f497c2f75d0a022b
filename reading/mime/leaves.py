"""Keeps the leaf parts of one mail: each with a safe name, its type by content and its role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reading.mime.charsets import storable, text_of
from reading.mime.entity_header import EntityHeader
from reading.mime.field_parameters import parameters, text_parameter
from reading.mime.file_names import Names, safe_name
from reading.mime.media_types import media_type
from reading.mime.part_roles import role_of
from storage.records.reading import PartRole

_MAX_CONTENT_ID = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A part that holds no other parts."""

    path: str  # position, "2.1"; inside an attached mail "2/1.3"
    name: str  # safe, never empty, unique within the mail
    declared_type: str  # type/subtype in lower case
    media_type: str  # by content where the content tells
    content: bytes  # transfer encoding undone
    content_id: str | None  # without the angle brackets
    role: PartRole  # body, inline, attachment or unclassified
    of_invoice: bool = False  # taken out of an invoice's own XML (BT-125), so no invoice itself


class Leaves:
    """The leaf parts of one mail, in their order."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self._names = Names()

    def __len__(self) -> int:
        return len(self.leaves)

    def add(
        self,
        header: EntityHeader,
        content: bytes,
        *,
        declared: str,
        path: str,
        within: str,
        role: PartRole | None = None,
    ) -> None:
        """Adds a leaf with the name that its header gives it; the role is decided here if it is not given."""
        type_parameters = parameters(header.first(b"content-type"))
        disposition = header.first(b"content-disposition")
        given = _given_name(parameters(disposition), type_parameters)
        content_id = _content_id(header)
        found = media_type(content, declared)
        if role is None:
            role = role_of(
                found,
                disposition=disposition.partition(b";")[0].strip().lower().decode("latin-1"),
                is_named=bool(given),
                has_content_id=content_id is not None,
                within=within,
            )
        leaf = Leaf(
            path=path,
            name=self._names.unique(safe_name(given, path, found)),
            declared_type=declared,
            media_type=found,
            content=content,
            content_id=content_id,
            role=role,
        )
        self.leaves.append(leaf)

    def add_raw(self, content: bytes, *, declared: str, path: str) -> None:
        """Adds octets that no header describes, as unclassified."""
        found = media_type(content, declared)
        leaf = Leaf(
            path=path,
            name=self._names.unique(safe_name(None, path, found)),
            declared_type=declared,
            media_type=found,
            content=content,
            content_id=None,
            role=PartRole.UNCLASSIFIED,
        )
        self.leaves.append(leaf)


def _given_name(of_disposition: Mapping[bytes, bytes], of_type: Mapping[bytes, bytes]) -> str | None:
    """RFC 2183 2.3, else the older way, else where careless senders put it."""
    name = text_parameter(of_disposition, b"filename") or text_parameter(of_type, b"name")
    return name or text_parameter(of_disposition, b"name") or text_parameter(of_type, b"file")


def _content_id(header: EntityHeader) -> str | None:
    text = storable(text_of(header.first(b"content-id")[:_MAX_CONTENT_ID]))
    return text.strip("<> \t") or None
