"""What an export holds for an import: the file's label, and of each invoice exactly what was on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from storage.records.companies import SecondLook
from storage.records.history import HistoryEvent
from storage.records.invoices import Environment, Invoice, MatchEvidence
from storage.records.mails import Envelope
from storage.records.partners import SenderWarning
from storage.records.reading import InvoiceReading
from storage.records.senders import SenderAuthentication
from storage.transaction import Transaction

KIND = "invoices-export"
VERSION = 1  # a new number whenever what stands here means something else; keys may be added
LABEL = "export.json"
RECORD = "record.json"


class NotAnExport(ValueError):  # noqa: N818  -- the name says what the file is not
    """The file, or a piece of it, is not what `invoices export` wrote; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedAccount:
    """The company, as far as the account that its invoices go to may be found or made by it."""

    id: str
    name: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Says what the file is, of which mailbox and which company."""

    kind: str
    version: int
    made_at: datetime
    mailbox: str  # the address of its portal
    account: ExportedAccount
    invoices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMail:
    """The mail of an invoice; its octets are in the file as they came in, below our Received field."""

    id: str
    envelope: Envelope
    trace_octets: int  # of our Received field, which the original begins with
    size: int  # octets below it
    transfer_digest: str  # hexadecimal
    authentication: SenderAuthentication | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedInvoice:
    """One invoice as it was on record."""

    id: str
    mail: ExportedMail
    position: int
    account_id: str
    matched_by: str | None
    environment: Environment
    environment_reason: str | None
    expires_at: datetime
    reading: InvoiceReading
    evidence: tuple[MatchEvidence, ...]
    sender_warnings: tuple[SenderWarning, ...]
    second_look: SecondLook | None
    done_at: datetime | None
    note: str | None
    acknowledged_at: datetime | None
    events: tuple[HistoryEvent, ...]  # its own and those of its mail, oldest first


_Kind = TypeVar("_Kind")
_LABEL = TypeAdapter(Label)
_INVOICE = TypeAdapter(ExportedInvoice)


def exported(records: Transaction, invoice: Invoice) -> ExportedInvoice:
    """What is on record of an available invoice. Raises NotFound when its mail is deleted."""
    assert invoice.reading is not None  # noqa: S101  -- the caller exports what is available
    mail = records.mails.get(invoice.mail_id)
    handling = records.imports.handling(invoice)
    digest = records.imports.transfer_digest(mail.id) or b""
    return ExportedInvoice(
        id=invoice.id,
        mail=ExportedMail(
            id=mail.id,
            envelope=mail.envelope,
            trace_octets=len(records.mails.trace(mail.id)),
            size=mail.size,
            transfer_digest=digest.hex(),
            authentication=mail.authentication,
        ),
        position=invoice.position,
        account_id=invoice.account_id,
        matched_by=invoice.matched_by,
        environment=invoice.environment,
        environment_reason=invoice.environment_reason,
        expires_at=invoice.expires_at,
        reading=invoice.reading,
        evidence=invoice.evidence,
        sender_warnings=tuple(records.warnings.of([invoice.id]).get(invoice.id, [])),
        second_look=records.second_looks.of([invoice.id]).get(invoice.id),
        done_at=handling.done_at,
        note=handling.note,
        acknowledged_at=handling.acknowledged_at,
        events=tuple(records.history.of_invoice(invoice.id, invoice.mail_id)),
    )


def label_to_octets(label: Label) -> bytes:
    """As JSON text."""
    return _LABEL.dump_json(label, indent=1) + b"\n"


def record_to_octets(invoice: ExportedInvoice) -> bytes:
    """As JSON text."""
    return _INVOICE.dump_json(invoice, indent=1) + b"\n"


def label_from_octets(octets: bytes) -> Label:
    """The reverse of label_to_octets. Raises NotAnExport, also for a version that is newer than ours."""
    label = _read(_LABEL, octets, LABEL)
    if label.kind != KIND:
        raise NotAnExport(f'{LABEL} says that the file is "{label.kind}", not "{KIND}"')
    if label.version > VERSION:
        raise NotAnExport(
            f"the export was made by a newer program (version {label.version} of the file; this one knows {VERSION}): "
            "import it with that one"
        )
    return label


def record_from_octets(octets: bytes) -> ExportedInvoice:
    """The reverse of record_to_octets. Raises NotAnExport."""
    return _read(_INVOICE, octets, RECORD)


def _read(adapter: TypeAdapter[_Kind], octets: bytes, name: str) -> _Kind:
    if rb"\u0000" in octets:
        raise NotAnExport(f"{name} holds a NUL, which no database takes")
    try:
        return adapter.validate_json(octets)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise NotAnExport(f"{name} cannot be understood: {where}: {first['msg']}") from None
