"""Mails go from the outbox to a real mail server; what becomes of each is on record, and none goes twice."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outbound.sending import LEASE, Sending
from reading.sandbox import ReaderPool
from storage.errors import StorageUnavailable
from storage.ids import new_id
from storage.records.outgoing import MailTemplate, OutboundState
from storage.records.people import Language
from storage.store import Store
from tests import making
from tests.certificates import self_signed
from tests.outbound.conftest import Clock, sender
from tests.post_office import PostOffice, code_in, post_office, text_of
from tracing import steps

ANNA = "anna@company.example"


def _add(store: Store, **changes: object) -> str:
    mail = making.outbound(**changes)
    with store.transaction() as records:
        records.outbox.add([mail])
    return mail.id


def _state(store: Store, mail_id: str) -> tuple[OutboundState, str | None]:
    with store.reading() as records:
        mail = records.outbox.get(mail_id)
    return mail.state, mail.last_reply


def test_a_mail_arrives_with_all_that_keeps_programs_from_answering(
    store: Store, sending: Sending, office: PostOffice
) -> None:
    """Marked as made by a program (RFC 3834), with a date, an id and a way back for what cannot be delivered."""
    mail_id = _add(store, context={"code": "12345678", "purpose": "register"})

    assert sending.send_due() == 1

    [(reverse_path, recipient, _)] = office.mails
    [mail] = office.to(ANNA)
    assert (reverse_path, recipient) == ("postfach@invoices.example.com", ANNA)
    assert mail["From"] == "Rechnungspostfach <postfach@invoices.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Invoices-Mailbox"] == "https://invoices.example.com"
    assert mail["Message-ID"] == f"<invoices.{mail_id}@invoices.example.com>"
    assert mail["Date"].datetime == making.NOW
    assert code_in(mail) == "12345678"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert _state(store, mail_id) == (OutboundState.SENT, "250 queued as 1")


def test_each_try_is_a_step_of_the_mail_that_it_tells_of(
    store: Store, sending: Sending, office: PostOffice, clock: Clock, told: list[steps.Done]
) -> None:
    """Reception and filing are in the same trace; nothing of an address or a text is in it."""
    office.replies[ANNA] = ["451 greylisted"]
    received = new_id()
    mail_id = _add(store, mail_id=received)

    sending.send_due()
    clock.pass_(timedelta(minutes=5))
    sending.send_due()

    assert [(one.step, one.mail_id, one.failed) for one in told] == [
        (steps.Step.SEND, received, "postponed"),
        (steps.Step.SEND, received, None),
    ]
    assert [one.facts["attempts"] for one in told] == [1, 2]
    assert {one.facts["outgoing"] for one in told} == {mail_id}
    assert not any(one.begins_trace for one in told)
    assert ANNA not in str(told)


def test_a_mail_that_tells_of_none_has_a_trace_of_its_own(
    store: Store, sending: Sending, told: list[steps.Done]
) -> None:
    """A code that somebody waits for, for instance."""
    mail_id = _add(store)

    sending.send_due()

    [done] = told
    assert (done.mail_id, done.begins_trace) == (mail_id, True)


def test_a_mail_that_is_refused_for_now_comes_again(
    store: Store, sending: Sending, office: PostOffice, clock: Clock
) -> None:
    """With the same Message-ID, after a pause that grows."""
    office.replies[ANNA] = ["451 greylisted", "451 still greylisted"]
    mail_id = _add(store)

    sending.send_due()
    assert _state(store, mail_id) == (OutboundState.QUEUED, "451 greylisted")
    clock.pass_(timedelta(minutes=1))
    sending.send_due()
    clock.pass_(timedelta(minutes=1))
    assert sending.send_due() == 0
    clock.pass_(timedelta(minutes=1))
    sending.send_due()

    assert _state(store, mail_id)[0] is OutboundState.SENT
    assert len(office.mails) == 1


def test_a_mail_that_is_refused_for_good_is_not_tried_again(
    store: Store, sending: Sending, office: PostOffice, clock: Clock
) -> None:
    """The reply stands on record, and the others of the same connection go out."""
    office.replies["gone@company.example"] = ["550 5.1.1 no such user"]
    lost = _add(store, recipient="gone@company.example")
    kept = _add(store)

    sending.send_due()
    clock.pass_(timedelta(days=1))

    assert sending.send_due() == 0
    assert _state(store, lost) == (OutboundState.FAILED, "550 5.1.1 no such user")
    assert _state(store, kept)[0] is OutboundState.SENT


def test_a_smarthost_that_is_away_is_waited_for_five_days(
    store: Store, readers: ReaderPool, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the mail is given up, with what was the matter."""
    monkeypatch.setattr("outbound.smarthost._TRIES", 1)
    with post_office() as closed:
        pass
    sending = sender(store, readers, clock, tmp_path, OUTBOUND__SMARTHOST=closed.address)
    mail_id = _add(store)
    tries = 0

    while _state(store, mail_id)[0] is OutboundState.QUEUED:
        tries += sending.send_due()
        clock.pass_(timedelta(hours=2))

    state, reply = _state(store, mail_id)
    assert state is OutboundState.FAILED
    assert reply is not None
    assert "connecting" in reply.lower()
    assert clock.at - making.NOW >= timedelta(days=5)
    assert 20 < tries < 60


def test_a_crash_between_sending_and_noting_it_costs_one_duplicate_with_the_same_id(
    store: Store,
    sending: Sending,
    office: PostOffice,
    readers: ReaderPool,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next sender waits for the lease to end; the recipient's program knows the mail by its Message-ID."""
    _add(store)

    def crash(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(sending, "_note_sent", crash)
    with pytest.raises(SystemExit):
        sending.send_due()
    other = sender(store, readers, clock, tmp_path, OUTBOUND__SMARTHOST=office.address)
    assert other.send_due() == 0
    clock.pass_(LEASE)
    assert other.send_due() == 1
    assert other.send_due() == 0

    assert len({mail["Message-ID"] for mail in office.to(ANNA)}) == 1
    assert len(office.mails) == 2


def test_several_senders_at_once_send_each_mail_once(
    store: Store, office: PostOffice, readers: ReaderPool, clock: Clock, tmp_path: Path
) -> None:
    """Forty mails, three senders, forty arrivals."""
    recipients = [f"p{number}@company.example" for number in range(40)]
    for recipient in recipients:
        _add(store, recipient=recipient)
    senders = [sender(store, readers, clock, tmp_path, OUTBOUND__SMARTHOST=office.address) for _ in range(3)]

    def work(sending: Sending) -> None:
        while sending.send_due():
            pass

    threads = [threading.Thread(target=work, args=(one,)) for one in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(recipient for _, recipient, _ in office.mails) == sorted(recipients)


def test_a_recipient_gets_so_many_mails_an_hour_and_codes_always(
    store: Store, office: PostOffice, readers: ReaderPool, clock: Clock, tmp_path: Path
) -> None:
    """A flood of invoices does not become a flood of mails, and locks nobody out."""
    company = making.account()
    with store.transaction() as records:
        records.accounts.add(company)
    sending = sender(
        store,
        readers,
        clock,
        tmp_path,
        OUTBOUND__SMARTHOST=office.address,
        OUTBOUND__MAX_PER_RECIPIENT="2",
    )
    for _ in range(3):
        _add(store, template=MailTemplate.CONFIRMED, account_id=company.id)
        sending.send_due()
    _add(store)
    sending.send_due()

    assert len(office.mails) == 3
    clock.pass_(timedelta(hours=1, minutes=1))
    sending.send_due()
    assert len(office.mails) == 4


def test_names_that_companies_and_people_choose_cannot_forge_a_header(
    store: Store, sending: Sending, office: PostOffice
) -> None:
    """A line end in a company's name stays in the subject's line."""
    company = making.account(name="Evil\r\nBcc: everybody@company.example\r\n\r\nGmbH")
    with store.transaction() as records:
        records.accounts.add(company)
    _add(store, template=MailTemplate.CONFIRMED, account_id=company.id)

    sending.send_due()

    [mail] = office.to(ANNA)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "You now belong to Evil Bcc: everybody@company.example GmbH"


def test_a_recipient_with_umlauts_gets_the_mail_too(
    store: Store, sending: Sending, office: PostOffice
) -> None:
    """The smarthost is asked for SMTPUTF8 (RFC 6531)."""
    _add(store, recipient="jürgen@company.example")

    sending.send_due()

    [mail] = office.to("jürgen@company.example")
    assert str(mail["To"]) == "jürgen@company.example"


def test_a_recipient_that_is_no_address_harms_its_own_mail_only(
    store: Store, sending: Sending, office: PostOffice
) -> None:
    """It cannot even be written; the next one goes."""
    bad = _add(store, recipient="a@x.example\r\nRCPT TO:<b@x.example>")
    _add(store)

    sending.send_due()

    assert [recipient for _, recipient, _ in office.mails] == [ANNA]
    assert _state(store, bad)[0] is OutboundState.QUEUED


def test_an_operators_template_goes_before_ours(
    store: Store, readers: ReaderPool, office: PostOffice, clock: Clock, tmp_path: Path
) -> None:
    """One that does not work is told in the log, and the mail waits for it to be put right."""
    folder = tmp_path / "templates"
    (folder / "de").mkdir(parents=True)
    template = folder / "de/code.j2"
    template.write_text(
        "{% block subject %}Unser Code{% endblock %}{% block body %}{{ nothing }}{% endblock %}"
    )
    sending = sender(
        store,
        readers,
        clock,
        tmp_path,
        OUTBOUND__SMARTHOST=office.address,
        OUTBOUND__TEMPLATES=str(folder),
    )
    _add(store, language=Language.GERMAN)
    sending.send_due()
    assert office.mails == []

    template.write_text(
        "{% block subject %}Unser Code{% endblock %}{% block body %}{{ code(code_shown) }}{% endblock %}"
    )
    clock.pass_(timedelta(minutes=1))
    sender(
        store,
        readers,
        clock,
        tmp_path,
        OUTBOUND__SMARTHOST=office.address,
        OUTBOUND__TEMPLATES=str(folder),
    ).send_due()

    [mail] = office.to(ANNA)
    assert mail["Subject"] == "Unser Code"
    assert text_of(mail).strip() == "1234 5678"


def test_a_sender_with_a_password_shows_it_to_the_smarthost(
    store: Store, readers: ReaderPool, clock: Clock, tmp_path: Path
) -> None:
    """outbound.user and outbound.password are for smarthosts that take mail from known programs only."""
    with post_office(auth=True) as office:
        sending = sender(
            store,
            readers,
            clock,
            tmp_path,
            OUTBOUND__SMARTHOST=office.address,
            OUTBOUND__USER="mailbox",
            OUTBOUND__PASSWORD="secret",
        )
        _add(store)
        sending.send_due()

    assert office.logins == [(b"mailbox", b"secret")]
    assert len(office.mails) == 1


def _with_certificate(folder: Path) -> ssl.SSLContext:
    pem = folder / "mx.pem"
    pem.write_bytes(self_signed(until=datetime.now(UTC) + timedelta(days=1)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


def test_tls_is_used_where_it_is_offered_and_its_certificate_checked_where_it_is_required(
    store: Store, readers: ReaderPool, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody vouches for is better than none, and not good enough where TLS has to protect."""
    monkeypatch.setattr("outbound.smarthost._TRIES", 1)
    with post_office(tls_context=_with_certificate(tmp_path), require_starttls=True) as office:
        strict = sender(
            store,
            readers,
            clock,
            tmp_path,
            OUTBOUND__SMARTHOST=office.address,
            OUTBOUND__TLS="required",
        )
        mail_id = _add(store)
        strict.send_due()
        assert office.mails == []
        state, reply = _state(store, mail_id)
        clock.pass_(timedelta(minutes=1))
        sender(store, readers, clock, tmp_path, OUTBOUND__SMARTHOST=office.address).send_due()

    assert state is OutboundState.QUEUED
    assert reply is not None
    assert "certificate" in reply.lower()
    assert len(office.mails) == 1


def test_no_mail_goes_in_the_clear_where_tls_is_required(
    store: Store, readers: ReaderPool, office: PostOffice, clock: Clock, tmp_path: Path
) -> None:
    """A smarthost that offers none, or somebody who strips the offer, gets nothing."""
    sending = sender(
        store, readers, clock, tmp_path, OUTBOUND__SMARTHOST=office.address, OUTBOUND__TLS="required"
    )
    mail_id = _add(store)

    sending.send_due()

    assert office.mails == []
    assert _state(store, mail_id)[0] is OutboundState.QUEUED


def test_a_database_that_is_away_stops_nothing_for_good(
    store: Store, sending: Sending, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender waits for it, and ends when it is told to."""
    _add(store)
    real, failures = sending.send_due, iter([True, True])

    def away() -> int:
        if next(failures, False):
            raise StorageUnavailable("away")
        return real()

    monkeypatch.setattr(sending, "send_due", away)
    thread = threading.Thread(target=sending.run)
    thread.start()
    office.wait_for(ANNA)
    sending.stop()
    thread.join(10)

    assert not thread.is_alive()
