"""`invoices outbound`, `link resend` and `account appoint`, on both engines."""

from __future__ import annotations

from dataclasses import replace

from storage.records.outgoing import OutboundState
from storage.store import Store
from tests import making
from tests.commands import Commands

SENDING = {
    "INVOICES_OUTBOUND__SMARTHOST": "127.0.0.1:25",
    "INVOICES_OUTBOUND__MAIL_FROM": "postfach@invoices.example.com",
}


def _sending(commands: Commands) -> Commands:
    return replace(commands, environment=commands.environment | SENDING)


def _add(commands: Commands, **changes: object) -> str:
    mail = making.outbound(**changes)
    store = Store.open(commands.url)
    with store.transaction() as records:
        records.outbox.add([mail])
    store.close()
    return mail.id


def test_the_outbox_is_listed_and_shown_without_its_texts(commands: Commands) -> None:
    """A code is nobody's business but its recipient's."""
    mail_id = _add(commands)

    [listed] = commands.lines("outbound", "list")
    assert listed == commands.one("outbound", "show", mail_id)
    assert (listed["state"], listed["template"], listed["recipient"]) == (
        "queued",
        "code",
        "anna@company.example",
    )
    assert "12345678" not in str(listed)
    assert commands.lines("outbound", "list", "--state", "failed") == []
    assert "there is no outbound mail x" in commands.refused("outbound", "show", "x")
    assert "no failed mail" in commands.refused("outbound", "retry", mail_id)


def test_mails_on_hold_are_released_by_name_or_all(commands: Commands) -> None:
    """A hold is set on an account or a partner, and ends when the operator says so."""
    commands.one("account", "add", "Firma", "--address", "a@firma.example")
    held = commands.one("outbound", "hold", "--account", "Firma")
    first, _ = (_add(commands, state=OutboundState.HELD) for _ in range(2))

    assert held["held"] is True
    assert commands.one("outbound", "hold", "--account", "Firma", "--off")["held"] is False
    assert commands.one("outbound", "release", first) == {"released": 1}
    assert "are not held" in commands.refused("outbound", "release", first)
    assert commands.one("outbound", "release", "--all") == {"released": 1}
    assert "name either" in commands.misused("outbound", "hold")
    assert "or --all" in commands.misused("outbound", "release")


def test_a_link_is_sent_again_where_mails_are_sent(commands: Commands) -> None:
    """The outbox holds the link's id only; its token is made when the mail is written."""
    sending = _sending(commands)
    made = sending.one("link", "create", "neu@firma.example")

    assert sending.one("link", "resend", made["id"])["id"] == made["id"]

    [mail] = sending.lines("outbound", "list")
    assert (mail["template"], mail["recipient"]) == ("link", "neu@firma.example")


def test_an_administrator_is_appointed_where_there_is_none_and_on_record(commands: Commands) -> None:
    """The person gets a link that proves the mailbox; nobody is appointed over an administrator's head."""
    sending = _sending(commands)
    sending.one("account", "add", "Firma", "--address", "a@firma.example")

    appointed = sending.one("account", "appoint", "Firma", "chef@firma.example", "--language", "en")

    [member] = sending.lines("account", "members", "Firma")
    [mail] = sending.lines("outbound", "list")
    assert appointed["url"].startswith("http://127.0.0.1:8080/register/")
    assert (member["role"], member["state"], member["confirmed"]) == ("administrator", "active", False)
    assert member["decided_by"].startswith("operator ")
    assert (mail["template"], mail["recipient"], mail["language"]) == (
        "invitation",
        "chef@firma.example",
        "en",
    )
    assert "has an administrator already" in sending.refused(
        "account", "appoint", "Firma", "other@firma.example"
    )


def test_an_invited_company_gets_a_link_and_no_administrator_by_command(on_sqlite: Commands) -> None:
    """Its first person is its administrator."""
    on_sqlite.one("link", "create", "neu@firma.example")

    assert "invites the first person" in on_sqlite.refused(
        "account", "appoint", "neu@firma.example", "x@firma.example"
    )
