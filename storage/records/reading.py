"""What reading a mail yields: its parts, its invoices by their business terms (EN 16931), what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DocumentFormat(StrEnum):
    """The syntax of an invoice document; `other` is an invoice in a syntax that has no name here."""

    UBL_INVOICE = "ubl-invoice"
    UBL_CREDITNOTE = "ubl-creditnote"
    CII = "cii"
    ZUGFERD1 = "zugferd1"
    FATTURAPA = "fatturapa"
    EBINTERFACE = "ebinterface"
    FACTURAE = "facturae"
    PDF = "pdf"
    OTHER = "other"


class PartRole(StrEnum):
    """What a leaf part of a mail is for.

    body            text of the mail that a person reads
    invoice         the leading document of an invoice
    representation  a readable twin of an invoice whose leading document is another part
    attachment      anything else that was attached
    inline          an image or style that the HTML body shows by its Content-ID
    unreadable      looks like an invoice document, but could not be read
    unclassified    none of these; kept all the same
    """

    BODY = "body"
    INVOICE = "invoice"
    REPRESENTATION = "representation"
    ATTACHMENT = "attachment"
    INLINE = "inline"
    UNREADABLE = "unreadable"
    UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A name-addr of a header field (RFC 5322 3.4)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One leaf part of a mail, also inside attached mails."""

    path: str  # position, "2.1"; inside an attached mail "2/1.3"
    name: str  # safe and deterministic file name, never empty
    media_type: str  # by content where the content tells, else as declared
    declared_type: str
    size: int  # octets after the transfer encoding is undone
    sha256: str  # of these octets, hexadecimal
    role: PartRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Sender metadata and parts of a mail's content (RFC 5322)."""

    message_id: str | None
    subject: str | None
    date: datetime | None
    from_: tuple[Mailbox, ...]  # not the reverse-path; keep both
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    environment_sign: str | None  # value of X-Invoice-Environment
    defects: tuple[str, ...]  # what is wrong with the MIME structure, in words
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A value with its scheme: an ISO 6523 code ("0088" is a GLN) or an EAS code ("EM", "9930")."""

    scheme: str  # empty when the document names none
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}" if self.scheme else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Seller (BG-4) or buyer (BG-7)."""

    name: str | None = None  # BT-27 / BT-44
    vat_id: str | None = None  # BT-31 / BT-48, as written
    tax_registration_id: str | None = None  # BT-32
    identifiers: tuple[Identifier, ...] = ()  # BT-29 / BT-46
    legal_registration: Identifier | None = None  # BT-30 / BT-47
    electronic_address: Identifier | None = None  # BT-34 / BT-49
    email: str | None = None  # BT-43 / BT-58


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessTerms:
    """What a document says (EN 16931); amounts exactly as written, dates ISO 8601, unknown is None."""

    format: DocumentFormat
    structured: bool
    profile: str | None = None  # BT-24
    invoice_number: str | None = None  # BT-1
    issue_date: str | None = None  # BT-2
    type_code: str | None = None  # BT-3, UNTDID 1001
    currency: str | None = None  # BT-5, ISO 4217
    due_date: str | None = None  # BT-9
    buyer_reference: str | None = None  # BT-10
    order_reference: str | None = None  # BT-13
    seller: Party = field(default_factory=Party)
    buyer: Party = field(default_factory=Party)
    total_without_vat: str | None = None  # BT-109
    vat_total: str | None = None  # BT-110
    total_with_vat: str | None = None  # BT-112
    amount_due: str | None = None  # BT-115
    payee_accounts: tuple[str, ...] = ()  # BT-84
    test_indicator: bool | None = None  # CII ExchangedDocumentContext/TestIndicator


class Certainty(StrEnum):
    """How sure a term is that was read from a text for people; what is less sure is unknown.

    labelled   its own label stands before it ("Invoice number: 17"), and nothing contradicts it
    likely     a label that may be another's ("Date: ...", "Total: ..."), but nothing better or greater is there
    """

    LABELLED = "labelled"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermSource:
    """Where in a text for people a term was read."""

    term: str  # its EN 16931 number, "BT-1"
    text: str  # the words, label and value
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A warning: a stable code and one plain sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReading:
    """One invoice found in a mail: its terms and the parts that belong to it."""

    terms: BusinessTerms
    document: Part  # the leading document, role `invoice`
    attachments: tuple[Part, ...]  # the document first, then twins, then the rest
    warnings: tuple[Finding, ...] = ()
    sources: tuple[TermSource, ...] = ()  # of a plain PDF's terms


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadDocument:
    """A part that looks like an invoice document but cannot be read as one."""

    part: Part
    reason: str


class MailSign(StrEnum):
    """What a mail's header says about how it came to be; such mails are not answered (RFC 3834 2)."""

    AUTO_GENERATED = "auto-generated"  # by a program, of its own accord
    AUTO_REPLIED = "auto-replied"  # by a program, in answer to a mail
    LIST = "list"  # to the subscribers of a list, or in bulk
    MAILBOX = "mailbox"  # by a mailbox like this one: X-Invoices-Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedMail:
    """What a delivery status notification (RFC 3464) says about the mail that it returns."""

    message_id: str  # of the mail that is returned
    status: str | None  # RFC 3463, "5.1.1"
    diagnostic: str | None  # in the words of the server that did not take it
    failed: bool  # RFC 3464 2.3.3: `failed`, not `delayed` or `delivered`


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReading:
    """All that reading a mail yields; nothing here depends on who it is for."""

    message: Message
    invoices: tuple[InvoiceReading, ...]
    unread: tuple[UnreadDocument, ...]
    linked_host: str | None = None  # where a mail without any document says that its invoice is
    signs: tuple[MailSign, ...] = ()
    returned: ReturnedMail | None = None
