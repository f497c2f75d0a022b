"""The words of the house as plain, frozen values: no library, importable by everyone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

CHUNK_OCTETS = 256 * 1024  # of a mail that are handled, and stored, in one piece


class MailState(StrEnum):
    """Where a received mail stands on its way."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    FILED = "filed"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


class Outcome(StrEnum):
    """What became of a mail."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    NO_INVOICE = "no-invoice"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"


class Environment(StrEnum):
    """Productive invoices count; test invoices are part of connecting a partner."""

    PRODUCTIVE = "productive"
    TEST = "test"


class InvoiceState(StrEnum):
    """An available invoice has its content; of a deleted one only the tombstone is left."""

    AVAILABLE = "available"
    DELETED = "deleted"


class AccountStatus(StrEnum):
    """A registered company looks at its invoices; an invited one has a registration link."""

    REGISTERED = "registered"
    INVITED = "invited"


class LinkState(StrEnum):
    """What a registration link can still do."""

    LIVE = "live"
    REDEEMED = "redeemed"
    REVOKED = "revoked"
    EXPIRED = "expired"


class PartnerTrust(StrEnum):
    """What the operator thinks of a contracting partner."""

    NEW = "new"
    KNOWN = "known"
    BLOCKED = "blocked"


class Role(StrEnum):
    """What a member of a company may do: an administrator also decides who joins."""

    ADMINISTRATOR = "administrator"
    MEMBER = "member"


class MembershipState(StrEnum):
    """Where a person stands with a company; only an active one sees its invoices."""

    ACTIVE = "active"
    WAITING = "waiting"
    REJECTED = "rejected"
    REMOVED = "removed"


class Language(StrEnum):
    """What pages and mails are written in."""

    GERMAN = "de"
    ENGLISH = "en"


class CodePurpose(StrEnum):
    """What the mailbox proves that a one-time code went to."""

    REGISTER = "register"  # a person registers; the context says for which company
    REDEEM = "redeem"  # a link was opened by somebody who named another address than the link's
    RESET = "reset"  # a new password for one that was forgotten


class OutboundState(StrEnum):
    """Where a mail that we send stands."""

    QUEUED = "queued"
    HELD = "held"  # waits for an operator: its partner or account is being connected
    SENT = "sent"
    FAILED = "failed"  # refused for good, or not taken for too long
    BOUNCED = "bounced"  # taken, and then returned by a server further on


class MailTemplate(StrEnum):
    """Every mail that we send."""

    INVOICE = "invoice"  # to members of a registered company
    INVOICE_ATTACHED = "invoice-attached"
    INVITED_INVOICE = "invited-invoice"  # to a company that is not registered yet: with its registration link
    INVITED_INVOICE_ATTACHED = "invited-invoice-attached"
    JOIN_REQUEST = "join-request"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    INVITATION = "invitation"
    CODE = "code"
    CLAIM = "claim"  # a company claims an address or a domain
    LINK = "link"  # a registration link, sent again by an operator
    EXPIRING = "expiring"  # to members of a company: some invoices will be deleted soon
    KNOWN_ADDRESS = "known-address"  # somebody tried to register an address that is registered


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


class HistoryEventName(StrEnum):
    """Every event that a history can hold; docs/history.md tells what each means."""

    RECEIVED = "received"
    RECEIVED_AGAIN = "received-again"
    READ = "read"
    MATCHED = "matched"
    RECORDED = "recorded"
    ACCOUNT_INVITED = "account-invited"
    LINK_CREATED = "link-created"
    VALIDATED = "validated"
    NO_INVOICE = "no-invoice"
    READING_FAILED = "reading-failed"
    QUARANTINED = "quarantined"
    RETRIED = "retried"
    DISCARDED = "discarded"
    ASSIGNED = "assigned"
    REMEMBERED = "remembered"
    SECOND_LOOK = "second-look"
    RELEASED = "released"
    VIEWED = "viewed"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    EXPIRED = "expired"
    DELETED = "deleted"
    MAIL_DELETED = "mail-deleted"
    HELD = "held"
    HOLD_RELEASED = "hold-released"
    RESCHEDULED = "rescheduled"
    NOTIFIED = "notified"
    NOTICE_HELD = "notice-held"
    NOTICE_WITHHELD = "notice-withheld"
    NOTICE_FAILED = "notice-failed"
    NOTICE_BOUNCED = "notice-bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What was said before DATA (RFC 5321 2.3.1)."""

    reverse_path: str  # RFC 5321 4.1.1.2; empty for notifications (4.5.5)
    forward_paths: tuple[str, ...]  # RFC 5321 4.1.1.3, in the order given
    peer: str | None  # IP address of the relay; None for a replayed file
    helo: str | None
    tls: bool
    received_at: datetime  # UTC


class MailContent(Protocol):
    """What came after DATA, dot-unstuffed, otherwise untouched; wherever it is kept until it is stored."""

    @property
    def size(self) -> int:
        """Its octets."""

    def chunks(self) -> Iterator[bytes]:
        """All of it from the beginning, CHUNK_OCTETS at a time; may be called again."""

    def pieces(self) -> Iterable[bytes]:
        """The same as it lies there, in pieces of any size, without a copy where that can be."""


@dataclass(frozen=True, slots=True)
class ContentInMemory:
    """The content of a mail that is small, or was read from a file as a whole."""

    octets: bytes

    @property
    def size(self) -> int:
        """Its octets."""
        return len(self.octets)

    def chunks(self) -> Iterator[bytes]:
        """All of it, in pieces of at most CHUNK_OCTETS; an empty mail is one empty piece."""
        if len(self.octets) <= CHUNK_OCTETS:
            yield self.octets
            return
        for start in range(0, len(self.octets), CHUNK_OCTETS):
            yield self.octets[start : start + CHUNK_OCTETS]

    def pieces(self) -> Iterable[bytes]:
        """All of it."""
        return [self.octets]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMail:
    """A whole mail, ready to be made durable."""

    id: str
    envelope: Envelope
    trace: bytes  # our Received field (RFC 5321 4.4), CRLF included; empty for a replayed file
    content: MailContent
    transfer_digest: bytes  # SHA-256; equal for two transfers of the same mail
    remarks: dict[str, str] = field(default_factory=dict)  # what was odd at receipt, for the history

    @property
    def octets(self) -> bytes:
        """The content as a whole; for mails that may be large, take its chunks."""
        return b"".join(self.content.chunks())


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The store's answer: the mail is durable under this id."""

    mail_id: str
    duplicate: bool  # True when an earlier transfer had stored it; mail_id is then that one's


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedBlob:
    """Octets outside the database that belong to no mail any more."""

    key: str
    place: str  # URL


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


class ValidationStatus(StrEnum):
    """What an invoice is worth as an e-invoice."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_AN_E_INVOICE = "not-an-e-invoice"
    NOT_VALIDATED = "not-validated"  # it was tried and could not be done


class ValidationClass(StrEnum):
    """The classes of the German finance ministry's letter of 2025-10-15, in its words."""

    VALID = "valid"
    FORMAT_ERROR = "Formatfehler"
    BUSINESS_RULE_ERROR = "Geschäftsregelfehler"
    CONTENT_ERROR = "Inhaltsfehler"
    NO_E_INVOICE = "keine E-Rechnung"
    NOT_VALIDATED = "nicht geprüft"


class Severity(StrEnum):
    """How much a finding weighs: an error makes an invoice invalid."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One version of the rules that an invoice was held against."""

    id: str
    name: str
    version: str
    date: str  # of this version, ISO 8601


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFinding:
    """A rule that an invoice breaks, in one plain sentence of English and one of German."""

    rule: str
    severity: Severity
    text: str
    text_de: str
    terms: tuple[str, ...] = ()  # the EN 16931 numbers it is about, "BT-1", "BG-25"
    location: str | None = None  # a path of elements in the document
    line: int | None = None  # of the XML
    rule_set: str | None = None  # the id of its RuleSet; None for checks of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What came of holding an invoice against the rules."""

    status: ValidationStatus
    class_: ValidationClass
    findings: tuple[ValidationFinding, ...]
    rule_sets: tuple[RuleSet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchEvidence:
    """A key of an account that a mail or its document names, too: why the invoice is this account's."""

    rule: str
    kind: str  # of the key
    value: str  # in its normal form
    where: str  # "forward-path", or the EN 16931 number of the term, "BT-48"
    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """An operator's decision whose the invoices of a mail are."""

    account_id: str
    actor: str
    remember: bool  # also for later invoices of the same seller to the same recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who proved that a key is an account's."""

    shown: str
    by: str | None  # "dns", "code", an operator; None: whoever made the account
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedDecision:
    """An assignment that holds for later mails, too: `key` in its normal form, and whose it is."""

    key: str
    account_id: str


class WarningPolicy(StrEnum):
    """What a warning about a sender does to an account's invoice, but for that of a first invoice."""

    NOTE = "note"  # it is shown
    HOLD = "hold"  # and the invoice is marked until somebody has looked
    QUARANTINE = "quarantine"  # and the company does not see it until then


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyAccount:
    """A recipient company."""

    id: str
    name: str
    status: AccountStatus
    addresses: tuple[str, ...]
    vat_ids: tuple[str, ...]
    domains: tuple[str, ...]
    identifiers: tuple[Identifier, ...]
    invited_at: datetime | None
    registered_at: datetime | None
    customer_numbers: tuple[str, ...] = ()  # PARTNER-ID:NUMBER
    warning_policy: WarningPolicy = WarningPolicy.NOTE
    decisions: tuple[str, ...] = ()  # of operators, remembered: RECIPIENT from SELLER


class SecondLook(StrEnum):
    """Where an invoice stands that somebody has to look at."""

    WAITING = "waiting"
    WITHHELD = "withheld"  # and is not seen by its company
    RELEASED = "released"


class PartnerOrigin(StrEnum):
    """Who put a partner on record."""

    OPERATOR = "operator"
    AUTOMATIC = "automatic"  # with the first invoice


class TraitKind(StrEnum):
    """What is noted of a partner that is no key: several partners may have the same."""

    BANK_ACCOUNT = "bank-account"
    SIGNING_DOMAIN = "signing-domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTrait:
    """Something that came with a partner's invoices."""

    kind: TraitKind
    value: str
    accepted: bool  # the first of its kind, or an operator found it right
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderWarning:
    """What should make people look twice at an invoice: a stable code, a sentence, and what it rests on."""

    code: str
    text: str
    evidence: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractingPartner:
    """A company that sends invoices."""

    id: str
    name: str
    domains: tuple[str, ...]
    vat_ids: tuple[str, ...]
    trust: PartnerTrust
    environment: Environment  # test while the partner is being connected
    first_seen: datetime | None
    last_seen: datetime | None
    origin: PartnerOrigin = PartnerOrigin.OPERATOR
    invoices: int = 0  # that are known to be its own


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLink:
    """An invitation to register; the token is not kept, only its digest."""

    id: str
    account_id: str
    email: str
    token_digest: bytes
    created_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> LinkState:
        """What the link can still do at `now`."""
        if self.redeemed_at is not None:
            return LinkState.REDEEMED
        if self.revoked_at is not None:
            return LinkState.REVOKED
        return LinkState.EXPIRED if self.expires_at <= now else LinkState.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice of one account: what was read, whose it is, and until when it is kept."""

    id: str
    mail_id: str
    position: int  # among the invoices of its mail, from 0
    account_id: str
    matched_by: str | None
    environment: Environment
    environment_reason: str | None
    state: InvoiceState
    received_at: datetime
    expires_at: datetime
    invoice_number: str | None  # BT-1; stays in the tombstone, as does the date
    issue_date: str | None  # BT-2
    reading: InvoiceReading | None  # None once deleted
    same_invoice: bytes | None  # SHA-256 of seller, number and date; None when one is unknown
    duplicate_of: str | None
    deleted_at: datetime | None = None
    evidence: tuple[MatchEvidence, ...] = ()  # of `matched_by` first; empty once deleted
    validation: Validation | None = None  # None until it is validated, and once deleted
    validated_at: datetime | None = None


class SenderStatus(StrEnum):
    """Whether it is proven that a mail comes from the domain in its From field.

    authenticated      it is
    failed             that domain wants all its mail proven, and this one is not
    not-authenticated  nothing proves it, which is all that can be said
    temperror          the DNS gave no answer; it is checked again later
    """

    AUTHENTICATED = "authenticated"
    FAILED = "failed"
    NOT_AUTHENTICATED = "not-authenticated"
    TEMPERROR = "temperror"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResult:
    """What one method found (RFC 8601 2.7)."""

    method: str  # spf, dkim, dmarc, arc
    result: str  # none, pass, fail, softfail, neutral, policy, temperror, permerror
    domain: str | None  # smtp.mailfrom, header.d, header.from, or the sealer
    detail: str  # in words, or empty
    selector: str | None = None  # of a DKIM signature


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderAuthentication:
    """Who really sent a mail, as far as that can be found out."""

    status: SenderStatus
    domain: str | None  # organizational domain that is proven; None for all but `authenticated`
    from_domain: str | None  # None when there is not exactly one From address
    reason: str  # one sentence
    results: tuple[AuthenticationResult, ...]
    relay_results: tuple[AuthenticationResult, ...]  # what our own relay wrote
    client: str | None  # IP address that SPF was asked about
    hops: tuple[str, ...]  # Received fields, the last hop first
    checked_at: datetime
    checks: int = 1  # how often it was checked


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """A mail on record, without its octets."""

    id: str
    received_at: datetime
    state: MailState
    outcome: Outcome | None
    reason: str | None
    envelope: Envelope
    size: int  # octets
    failures: int
    message_id: str | None
    message: Message | None  # None until it is read, and once deleted
    expires_at: datetime | None
    deleted_at: datetime | None
    authentication: SenderAuthentication | None = None  # None until it is checked, and once deleted
    assignment: Assignment | None = None  # by an operator, when the mail was taken out of quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """What happened, when, by whom; never edited."""

    at: datetime
    event: HistoryEventName
    actor: str
    detail: dict[str, str]
    mail_id: str | None
    invoice_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who signs in to the portal; the e-mail address is unique among all of them."""

    id: str
    email: str
    name: str
    language: Language
    password_hash: str | None  # Argon2; None until one is set
    created_at: datetime
    confirmed_at: datetime | None  # when the mailbox was proven

    def __repr__(self) -> str:
        return f"User({self.id})"  # no hash in any log


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's standing with one company; one person may have several."""

    account_id: str
    user_id: str
    role: Role
    state: MembershipState
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None  # a user's id, or what decided without one ("link", "operator NAME", ...)
    reason: str | None = None  # of a rejection, in the words of who rejected
    notify: bool = True  # whether mails about new invoices are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSession:
    """A person signed in with one browser; the token is not kept, only its SHA-256."""

    id: str
    token_digest: bytes
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime  # whatever happens


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A secret by which a program of a company asks for its invoices; of the secret only the SHA-256 is kept."""

    id: str
    account_id: str
    name: str  # what it is for, in the words of who made it
    created_at: datetime
    created_by: str  # a user's id
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode:
    """A code sent to a mailbox, which proves that whoever enters it reads that mailbox.

    It counts in the browser only that asked for it: that one knows the flow's token. So nobody can be made to
    confirm what somebody else began.
    """

    flow_digest: bytes  # SHA-256 of the token that the browser holds
    email: str
    purpose: CodePurpose
    code_digest: bytes | None  # SHA-256 of flow token and code; None where no code was sent
    context: dict[str, str]  # what happens once the mailbox is proven
    attempts: int  # wrong ones so far
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMail:
    """A mail that we send, written in the same transaction as its cause; `context` is what its template needs."""

    id: str
    template: MailTemplate
    language: Language
    recipient: str
    context: dict[str, str]
    created_at: datetime
    account_id: str | None = None
    invoice_id: str | None = None
    mail_id: str | None = None  # the received mail that caused it
    state: OutboundState = OutboundState.QUEUED
    attempts: int = 0
    not_before: datetime | None = None
    sent_at: datetime | None = None
    message_id: str | None = None  # RFC 5322 3.6.4; the same at each attempt
    last_reply: str | None = None  # of the smarthost, or why it could not be reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A mail of ours came back."""

    message_id: str  # of ours
    reply: str  # why, in the words of whoever returned it


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """Everything that one mail adds to the records; it is written whole or not at all."""

    mail_id: str
    outcome: Outcome
    reason: str | None
    message: Message | None
    received_at: datetime  # of the mail
    expires_at: datetime  # of the mail
    new_accounts: tuple[CompanyAccount, ...] = ()
    new_links: tuple[RegistrationLink, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    events: tuple[HistoryEvent, ...] = ()
    outbound_mails: tuple[OutboundMail, ...] = ()
    bounce: Bounce | None = None
    partner_id: str | None = None
    decisions: tuple[RememberedDecision, ...] = ()
    second_looks: Mapping[str, SecondLook] = field(
        default_factory=dict
    )  # by invoice, until the sender is checked
