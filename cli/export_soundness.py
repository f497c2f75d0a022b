"""Says what is wrong with an exported invoice that has the right checksums and yet cannot be as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address

from cli.explanation import Explanation
from cli.export_record import ExportedInvoice, Label
from ingest.processing.match_rules import MatchRule
from portal.history_sentences import told
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.mails import MailState, ReceivedMail
from storage.records.people import Language

CLOCKS_APART = timedelta(minutes=5)  # of two machines whose clocks are right
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EXPIRY_TOLD_BY = (HistoryEventName.RECORDED, HistoryEventName.RESCHEDULED)


def fault(one: ExportedInvoice, label: Label, now: datetime) -> str | None:
    """The first thing that is wrong with it, in words; None when it may come. A pure function."""
    return next(_faults(one, label, now), None)


def _faults(one: ExportedInvoice, label: Label, now: datetime) -> Iterator[str]:
    if not (
        _ID.fullmatch(one.id) and _ID.fullmatch(one.mail.id) and _SHA256.fullmatch(one.mail.transfer_digest)
    ):
        yield "its record holds an id or a digest that is none"
        return
    if any(at.tzinfo is None for at in _instants(one)):
        yield "its record holds a time without a time zone"
        return
    if one.account_id != label.account.id:
        yield "it is of another company than the file"
    if one.mail.envelope.received_at > now + CLOCKS_APART:
        yield "it says that it came in later than now; is the clock of this machine right?"
    if one.mail.trace_octets < 0 or one.position < 0:
        yield "its record holds a number below zero"
    if one.matched_by is not None and one.matched_by not in set(MatchRule):
        yield f'its record names a rule that nobody knows: "{one.matched_by}"'
    if one.mail.envelope.peer is not None and not _is_address(one.mail.envelope.peer):
        yield "its record names a client that is no IP address"
    yield from _faults_of_history(one)


def _faults_of_history(one: ExportedInvoice) -> Iterator[str]:
    for event in one.events:
        if event.mail_id != one.mail.id or event.invoice_id not in (None, one.id):
            yield "its history tells of something else, too"
            return
    names = {event.event for event in one.events}
    if not {HistoryEventName.RECEIVED, HistoryEventName.RECORDED} <= names:
        yield "its history does not begin with its beginning"
    if names & {HistoryEventName.DELETED, HistoryEventName.EXPIRED}:
        yield "its history says that it was deleted"
    if _told_expiry(one.events) != one.expires_at:
        yield "its expiry is not the one that its history tells"
    if not _can_be_told(one):
        yield "its history lacks what its events say"


def _told_expiry(events: tuple[HistoryEvent, ...]) -> datetime | None:
    """The last one, as `invoices verify` goes by."""
    for event in reversed(events):
        if event.event in _EXPIRY_TOLD_BY and "expires_at" in event.detail:
            try:
                return datetime.fromisoformat(event.detail["expires_at"])
            except ValueError:
                return None
    return None


def _can_be_told(one: ExportedInvoice) -> bool:
    """Whoever asks for the history is to get an answer."""
    mail = ReceivedMail(
        id=one.mail.id,
        received_at=one.mail.envelope.received_at,
        state=MailState.FILED,
        outcome=None,
        reason=None,
        envelope=one.mail.envelope,
        size=one.mail.size,
        failures=0,
        message_id=None,
        message=None,
        expires_at=one.expires_at,
        deleted_at=None,
    )
    try:
        for language in Language:
            Explanation(language, mail, {}).events(one.events)
            told(one.events, language)
    except (KeyError, ValueError, IndexError):
        return False
    return True


def _instants(one: ExportedInvoice) -> Iterator[datetime]:
    yield from (one.mail.envelope.received_at, one.expires_at)
    yield from (at for at in (one.done_at, one.acknowledged_at) if at is not None)
    yield from (event.at for event in one.events)
    if one.mail.authentication is not None:
        yield one.mail.authentication.checked_at


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
