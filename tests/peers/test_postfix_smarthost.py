"""A real Postfix takes the mails that we send, and what it returns is understood."""

from __future__ import annotations

from fixtures.mailbox import Form, Mailbox, patiently
from tests.peers.arrival import sample
from tests.peers.conftest import OpenMailbox
from tests.peers.relay import DOMAIN, Relay
from tests.post_office import post_office

RECIPIENT = "einkauf@gone.example"


def test_postfix_returns_a_mail_of_ours_and_the_invoices_history_says_so(
    serving: OpenMailbox, relay: Relay
) -> None:
    """In the words of its notification, with the whole mail in it; the invoice attached to that is no second one."""
    settings = {
        "SMTP__LISTEN": relay.place,
        "PORTAL__LISTEN": "127.0.0.1:0",
        "OUTBOUND__SMARTHOST": f"127.0.0.1:{relay.port}",
        "OUTBOUND__MAIL_FROM": f"postfach@{DOMAIN}",
        "OUTBOUND__MODE": "link-and-attachment",
    }
    with (
        post_office() as office,
        relay.also_delivering("gone.example", "smtp:[{}]:{}".format(*office.address.split(":"))),
        serving(settings) as mailbox,
    ):
        office.replies[RECIPIENT] = ["550 5.1.1 no such user here"]
        mailbox.send(sample("unknown-recipient"), [RECIPIENT])
        bounced = _outbound(mailbox, "bounced")
        invoices = mailbox.run("list")
        events = [event["event"] for event in mailbox.run("history", invoices[0]["id"])]
        outcomes = {mail["outcome"] for mail in mailbox.run("mail", "list")}

    assert (bounced["recipient"], bounced["template"]) == (RECIPIENT, "invited-invoice-attached")
    assert "5.1.1" in bounced["last_reply"]
    assert "no such user here" in bounced["last_reply"]
    assert len(invoices) == 1
    assert [one for one in events if one.startswith("not")] == ["notified", "notice-bounced"]
    assert outcomes == {"recorded", "no-invoice"}


def _outbound(mailbox: Mailbox, state: str) -> Form:
    for _ in patiently("the mail has not come back"):
        if found := mailbox.run("outbound", "list", "--state", state):
            return found[0]
    raise AssertionError
