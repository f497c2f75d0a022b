"""SIGKILL between any two steps of a mail's way: after a restart it is on record exactly once, on both engines."""

from __future__ import annotations

import smtplib
import sys
from pathlib import Path

import pytest

from fixtures.mailbox import Mailbox
from tests.crash.driver import POINTS

DRIVER = Path(__file__).with_name("driver.py")
MAIL = (Path(__file__).parents[2] / "fixtures/mail/unknown-recipient/message.eml").read_bytes()
TO = ["sigkill@firm.example"]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_mail_is_recorded_once_wherever_the_daemon_is_killed(
    tmp_path: Path, database_url: str, point: str
) -> None:
    """The sender behaves like a mail server: what was not answered 250 it sends again."""
    settings = {"DATABASE__URL": database_url}
    doomed = Mailbox(tmp_path, settings, program=[sys.executable, str(DRIVER), point])
    doomed.start()
    assert doomed.daemon is not None

    acknowledged = _send(doomed)
    assert doomed.daemon.wait(60) == -9
    mailbox = Mailbox(tmp_path, settings)
    with mailbox.serving():
        mail_id = acknowledged or _send(mailbox)
        assert mail_id is not None
        mails = mailbox.wait_until_filed({mail_id})

    invoices, links = mailbox.run("list"), mailbox.run("link", "list")
    events = [event["event"] for event in mailbox.run("history", mail_id)]
    assert list(mails) == [mail_id]
    assert [invoice["mail_id"] for invoice in invoices] == [mail_id]
    assert [link["email"] for link in links] == TO
    assert sorted(set(events) - {"received-again", "validated"}) == sorted(
        ["received", "read", "account-invited", "matched", "link-created", "recorded"]
    )
    assert events.count("recorded") == events.count("received") == 1


def _send(mailbox: Mailbox) -> str | None:
    try:
        return mailbox.send(MAIL, TO)
    except (OSError, smtplib.SMTPException):
        return None
