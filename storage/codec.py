"""Turns the content of mails and invoices into JSON values for the database, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from storage.records.invoices import Assignment, MatchEvidence
from storage.records.mails import Envelope
from storage.records.reading import InvoiceReading, MailReading, Message
from storage.records.senders import SenderAuthentication
from storage.records.validation import Validation

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Kind = TypeVar("_Kind")


class _Shape(Generic[_Kind]):
    """A kind of value; what turns it into JSON takes milliseconds to make, and few processes need all."""

    def __init__(self, kind: type[_Kind]) -> None:
        self._kind = kind

    @cached_property
    def adapter(self) -> TypeAdapter[_Kind]:
        """Made when it is first asked for."""
        from pydantic import TypeAdapter  # noqa: PLC0415  -- a reader needs none, and begins a quarter sooner

        return TypeAdapter(self._kind)


_MESSAGE = _Shape(Message)
_INVOICE = _Shape(InvoiceReading)
_READING = _Shape(MailReading)
_EVIDENCE = _Shape(tuple[MatchEvidence, ...])
_ENVELOPE = _Shape(Envelope)
_AUTHENTICATION = _Shape(SenderAuthentication)
_ASSIGNMENT = _Shape(Assignment)
_VALIDATION = _Shape(Validation)


def message_to_json(message: Message) -> dict[str, Any]:
    """Sender metadata and leaf parts as JSON values."""
    value: dict[str, Any] = _MESSAGE.adapter.dump_python(message, mode="json")
    return value


def message_from_json(value: dict[str, Any]) -> Message:
    """The reverse of message_to_json. Raises ValueError."""
    return _MESSAGE.adapter.validate_python(value)


def invoice_to_json(reading: InvoiceReading) -> dict[str, Any]:
    """Terms, parts and warnings as JSON values."""
    value: dict[str, Any] = _INVOICE.adapter.dump_python(reading, mode="json")
    return value


def invoice_from_json(value: dict[str, Any]) -> InvoiceReading:
    """The reverse of invoice_to_json. Raises ValueError."""
    return _INVOICE.adapter.validate_python(value)


def evidence_to_json(evidence: tuple[MatchEvidence, ...]) -> list[Any]:
    """Evidence as JSON values."""
    return list(_EVIDENCE.adapter.dump_python(evidence, mode="json"))


def evidence_from_json(value: list[Any]) -> tuple[MatchEvidence, ...]:
    """The reverse of evidence_to_json. Raises ValueError."""
    return _EVIDENCE.adapter.validate_python(value)


def assignment_to_json(assignment: Assignment) -> dict[str, Any]:
    """An operator's decision as JSON values."""
    value: dict[str, Any] = _ASSIGNMENT.adapter.dump_python(assignment, mode="json")
    return value


def assignment_from_json(value: dict[str, Any]) -> Assignment:
    """The reverse of assignment_to_json. Raises ValueError."""
    return _ASSIGNMENT.adapter.validate_python(value)


def invoice_to_octets(reading: InvoiceReading) -> bytes:
    """One invoice as JSON text, for the pipe between two processes."""
    return json.dumps(invoice_to_json(reading), ensure_ascii=False).encode()


def invoice_from_octets(octets: bytes) -> InvoiceReading:
    """The reverse of invoice_to_octets. Raises ValueError."""
    return _INVOICE.adapter.validate_json(octets)


def authentication_to_json(authentication: SenderAuthentication) -> dict[str, Any]:
    """Who sent a mail as JSON values."""
    value: dict[str, Any] = _storable(_AUTHENTICATION.adapter.dump_python(authentication, mode="json"))
    return value


def authentication_from_json(value: dict[str, Any]) -> SenderAuthentication:
    """The reverse of authentication_to_json. Raises ValueError."""
    return _AUTHENTICATION.adapter.validate_python(value)


def authentication_to_octets(authentication: SenderAuthentication) -> bytes:
    """The same as JSON text, for the pipe between two processes."""
    return json.dumps(authentication_to_json(authentication)).encode()


def authentication_from_octets(octets: bytes) -> SenderAuthentication:
    """The reverse of authentication_to_octets. Raises ValueError."""
    return _AUTHENTICATION.adapter.validate_json(octets)


def envelope_to_json(envelope: Envelope) -> dict[str, Any]:
    """What was said before DATA as JSON values."""
    value: dict[str, Any] = _ENVELOPE.adapter.dump_python(envelope, mode="json")
    return value


def envelope_from_json(value: dict[str, Any]) -> Envelope:
    """The reverse of envelope_to_json. Raises ValueError."""
    return _ENVELOPE.adapter.validate_python(value)


def reading_to_octets(reading: MailReading) -> bytes:
    """A whole reading as JSON text, for the pipe between two processes."""
    return json.dumps(_storable(asdict(reading)), ensure_ascii=False, default=str).encode()


def _storable(value: Any) -> Any:
    """The same value with U+FFFD for what no database takes: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def reading_from_octets(octets: bytes) -> MailReading:
    """The reverse of reading_to_octets. Raises ValueError."""
    return _READING.adapter.validate_json(octets)


def validation_to_json(validation: Validation) -> dict[str, Any]:
    """Status, class, findings and rule sets as JSON values."""
    value: dict[str, Any] = _storable(_VALIDATION.adapter.dump_python(validation, mode="json"))
    return value


def validation_from_json(value: dict[str, Any]) -> Validation:
    """The reverse of validation_to_json. Raises ValueError."""
    return _VALIDATION.adapter.validate_python(value)


def validation_from_octets(octets: bytes) -> Validation:
    """A validation from JSON text, as another process sent it. Raises ValueError."""
    return _VALIDATION.adapter.validate_json(octets)


def validation_to_octets(validation: Validation) -> bytes:
    """The reverse of validation_from_octets."""
    return json.dumps(validation_to_json(validation), ensure_ascii=False).encode()
