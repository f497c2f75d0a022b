"""`invoices account claim|prove|claims` from outside: a claim matches nothing until it is proven."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage.records.outgoing import MailTemplate, OutboundMail
from storage.store import Store
from tests.commands import Commands
from tests.name_server import SERVFAIL, name_server

SAMPLE = str(Path(__file__).parents[2] / "fixtures/mail/match-by-buyer-vat-identifier/message.eml")


def _claimed_domain(commands: Commands) -> tuple[str, str]:
    """The record that would prove the claim: its name and its text."""
    commands.one("account", "add", "A")
    claim = commands.one("account", "claim", "A", "--domain", "Company.example")
    found = re.fullmatch(r'(\S+) TXT "(.+)"', claim["dns"])
    assert found
    return found[1], found[2]


def test_a_domain_is_proven_by_its_dns_record(commands: Commands) -> None:
    """The account is found by it afterwards, and everybody can see who proved it."""
    name, text = _claimed_domain(commands)
    before = commands.one("account", "show", "A")["domains"]

    with name_server({f"TXT {name}": ["something else", text]}) as (address, _):
        commands.environment["INVOICES_AUTHENTICATION__RESOLVERS"] = address
        proven = commands.one("account", "prove", "A", "Company.example")

    [row] = commands.lines("account", "claims", "A")
    assert name == "_invoices-proof.company.example"
    assert (before, proven["domains"]) == ([], ["Company.example"])
    assert (row["key"], row["state"], row["by"]) == ("Company.example", "proven", "dns")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["invoices-proof=another"], "there is no TXT record"),
        ([], "there is no TXT record"),
        (SERVFAIL, "the DNS cannot be asked now"),
    ],
)
def test_a_domain_without_the_record_is_not_proven(
    on_sqlite: Commands, answer: list[str] | str, said: str
) -> None:
    """The claim stays, to be tried again."""
    name, _ = _claimed_domain(on_sqlite)

    with name_server({f"TXT {name}": answer}) as (address, _):
        on_sqlite.environment["INVOICES_AUTHENTICATION__RESOLVERS"] = address
        refused = on_sqlite.refused("account", "prove", "A", "Company.example")

    assert said in refused
    assert [one["state"] for one in on_sqlite.lines("account", "claims", "A")] == ["claimed"]
    assert on_sqlite.one("account", "show", "A")["domains"] == []


def test_a_mailbox_is_proven_by_the_code_that_went_to_it(commands: Commands) -> None:
    """And by no other one."""
    commands.environment["INVOICES_OUTBOUND__SMARTHOST"] = "127.0.0.1:1"
    commands.environment["INVOICES_OUTBOUND__MAIL_FROM"] = "invoices@mailbox.example"
    commands.one("account", "add", "A")
    commands.one("account", "claim", "A", "--address", "in@company.example")
    [mail] = _outgoing(commands.url)

    wrong = commands.refused("account", "prove", "A", "in@company.example", "--code", "0" * 16)
    proven = commands.one(
        "account", "prove", "A", "in@company.example", "--code", mail.context["claim_code"].lower()
    )

    assert (mail.template, mail.recipient) == (MailTemplate.CLAIM, "in@company.example")
    assert "that is not the code" in wrong
    assert proven["addresses"] == ["in@company.example"]


def test_a_claim_matches_nothing_and_whoever_proves_it_first_has_it(commands: Commands) -> None:
    """Two companies may claim one VAT identifier; the invoices of it are neither's until one of them proves it."""
    for name in "AB":
        commands.one("account", "add", name)
        commands.one("account", "claim", name, "--vat-id", "DE 666 666 660")

    [unproven] = commands.program("replay", SAMPLE, "--to", "x@nobody.example")
    commands.one("account", "prove", "B", "DE 666 666 660", "--vouch")
    late = commands.refused("account", "prove", "A", "DE 666 666 660", "--vouch")
    again = commands.refused("account", "claim", "A", "--vat-id", "DE666666660")
    [proven] = commands.program("replay", SAMPLE, "--to", "y@nobody.example")

    assert unproven["matched_by"] == "invitation"
    assert "belongs to the account" in late
    assert "belongs to" in again
    assert (proven["matched_by"], proven["account"]["name"]) == ("buyer-vat-identifier", "B")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--domain", "gmail.com"), "no single company's"),
        (("--domain", "co.uk"), "no single company's"),
        (("--domain", "c.example", "--mail-to", "x@other.example"), "no mailbox of the domain"),
        (("--address", "in@c.example"), "outbound.smarthost is not set"),
        (("--identifier", "0088:4012345000008"), "wrong check digit"),
    ],
)
def test_what_cannot_be_claimed(on_sqlite: Commands, options: tuple[str, ...], said: str) -> None:
    """With what to do instead."""
    on_sqlite.one("account", "add", "A")

    assert said in on_sqlite.refused("account", "claim", "A", *options)
    assert on_sqlite.lines("account", "claims", "A") == []


def test_one_key_at_a_time(on_sqlite: Commands) -> None:
    """Each is proven in its own way."""
    on_sqlite.one("account", "add", "A")

    assert "give one of" in on_sqlite.misused("account", "claim", "A")


def _outgoing(url: str) -> list[OutboundMail]:
    store = Store.open(url)
    with store.reading() as records:
        found = records.outbox.select()
    store.close()
    return list(found)
