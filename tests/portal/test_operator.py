"""The operator's pages: what is seen there, what is decided, and who gets in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from portal.app import ROUTERS
from storage.decisions import operators
from storage.records.acts import ActName
from storage.records.history import HistoryEventName
from storage.records.invoices import Environment
from storage.records.mails import MailState, Outcome
from storage.records.outgoing import OutboundState
from storage.records.partners import PartnerTrait, PartnerTrust, TraitKind
from storage.records.people import User
from tests import making
from tests.portal.browsers import NOW, Browser, Place

SAMPLE = Path("fixtures/mail/match-by-buyer-vat-identifier/message.eml")


@pytest.fixture
def desk(place: Place) -> Browser:
    """An operator who belongs to no company."""
    return _signed_in(place, place.user(email="olga@mailbox.example", name="Olga"))


def _signed_in(place: Place, user: User) -> Browser:
    with place.store.transaction() as records:
        operators.add(records, user, actor="operator root", at=NOW)
    return place.signed_in(user)


def _contested(place: Place, to: str = "postmaster", sender: str = "billing@supplier.example") -> str:
    """A mail in quarantine, whose invoice names nobody that is registered."""
    mail = making.incoming(
        f"X-Number: {making.new_id()}\r\n".encode() + SAMPLE.read_bytes(),  # equal octets are one transfer
        envelope=making.envelope(reverse_path=sender, forward_paths=(to,), received_at=NOW),
    )
    place.store.add_mails([mail])
    place.file_mails()
    return mail.id


def _events(place: Place, mail_id: str) -> list[tuple[str, str]]:
    with place.store.reading() as records:
        return [(event.event, event.actor) for event in records.history.of_mail(mail_id)]


def _routes() -> Iterator[tuple[str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods):
                if route.path.startswith("/operator"):
                    yield method, route.path


def test_nobody_else_gets_in(place: Place) -> None:
    """An administrator of a company finds nothing at any of these addresses, and a stranger has to sign in."""
    mail_id = _contested(place)
    member, stranger = place.signed_in(place.user(place.company())), place.browser()
    member.get("/companies/none")
    stranger.get("/")
    tried = list(_routes())

    for method, path in tried:
        address = path.format_map({"mail_id": mail_id, "partner_id": making.new_id()})
        for browser, status in ((member, 404), (stranger, 303)):
            answer = browser.post(address) if method == "POST" else browser.client.request(method, address)
            assert answer.status_code == status, f"{method} {path}: {answer.status_code}"
    assert len(tried) > 12
    assert ("retried", "operator root") not in _events(place, mail_id)


def test_the_role_ends_at_the_next_click(place: Place) -> None:
    """Whoever leaves the operator's team keeps no open window."""
    user = place.user()
    browser = _signed_in(place, user)
    before = browser.get("/operator").status_code

    with place.store.transaction() as records:
        operators.remove(records, user, actor="operator root", at=NOW)

    assert (before, browser.get("/operator").status_code) == (200, 404)


def test_an_operator_without_a_company_begins_at_the_desk(place: Place, desk: Browser) -> None:
    """And a member of a company is not told that there is such a place."""
    assert desk.get("/").headers["location"] == "/operator"
    assert "/operator" not in place.signed_in(place.user(place.company())).get("/account").text


def test_the_quarantine_says_why_and_shows_no_content(place: Place, desk: Browser) -> None:
    """Reason, envelope and parts; on request names and identifiers, which is on record; never amounts."""
    mail_id = _contested(place)

    with place.store.reading() as records:
        reason = records.mails.get(mail_id).reason or "?"
    listed = desk.get("/operator/quarantine").text
    shown = desk.get(f"/operator/quarantine/{mail_id}").text
    before = _events(place, mail_id)
    named = desk.get(f"/operator/quarantine/{mail_id}?read=true").text

    assert "billing@supplier.example" in listed
    assert reason[-20:] in listed
    assert "invoice.xml" in shown or "application/xml" in shown or ".xml" in shown
    assert "Holzbau Lindner GmbH" not in shown
    assert "Holzbau Lindner GmbH" in named
    assert "DE666666660" in named
    assert "119" not in named.replace("2026-11-24", "")
    assert (HistoryEventName.VIEWED, "operator olga@mailbox.example") not in before
    assert (HistoryEventName.VIEWED, "operator olga@mailbox.example") in _events(place, mail_id)


def test_a_mail_is_assigned_and_remembered(place_on_each: Place) -> None:
    """As `invoices quarantine retry --account --remember` does: the next one of this seller goes the same way."""
    place = place_on_each
    company = place.company(name="Lindner Holzbau", addresses=("post@lindner.example",))
    desk = _signed_in(place, place.user(email="olga@mailbox.example"))
    mail_id = _contested(place)

    found = desk.get(f"/operator/quarantine/{mail_id}?account=lindner").text
    answer = desk.post(f"/operator/quarantine/{mail_id}/assign", {"account": company.id, "remember": "yes"})
    place.file_mails()

    assert f'value="{company.id}"' in found
    assert answer.headers["location"].endswith(f"/operator/quarantine/{mail_id}?notice=assigned")
    assert "Filed under: Lindner Holzbau" in desk.get(f"/operator/quarantine/{mail_id}").text
    with place.store.reading() as records:
        [invoice] = records.invoices.of_mails([mail_id])
        remembered = records.accounts.get(company.id).decisions
    assert (invoice.account_id, invoice.matched_by) == (company.id, "operator-decision")
    assert len(remembered) == 1
    for event in (HistoryEventName.RETRIED, HistoryEventName.ASSIGNED):
        assert (event, "operator olga@mailbox.example") in _events(place, mail_id)


def test_a_mail_is_tried_again_or_given_up(place: Place, desk: Browser) -> None:
    """A second operator who comes too late is told so, and nothing happens twice."""
    mail_id = _contested(place)
    desk.get("/operator/quarantine")

    desk.post(f"/operator/quarantine/{mail_id}/retry")
    place.file_mails()
    desk.post(f"/operator/quarantine/{mail_id}/discard", {"reason": "advertising"})
    late = desk.post(f"/operator/quarantine/{mail_id}/discard")

    assert late.headers["location"].endswith("notice=decided_meanwhile")
    with place.store.reading() as records:
        mail = records.mails.get(mail_id)
    assert (mail.state, mail.outcome, mail.reason) == (MailState.FILED, Outcome.NO_INVOICE, "advertising")
    done = [name for name, actor in _events(place, mail_id) if actor == "operator olga@mailbox.example"]
    assert done == ["retried", "discarded"]


def test_several_are_decided_at_once(place: Place, desk: Browser) -> None:
    """After trouble there are hundreds of them."""
    mails = [_contested(place, sender=sender) for sender in ("a@supplier.example", "b@supplier.example")]
    desk.get("/operator/quarantine")

    answer = desk.post("/operator/quarantine/chosen", {"action": "discard", "ids": mails})
    nothing = desk.post("/operator/quarantine/chosen", {"action": "retry"})

    assert answer.headers["location"].endswith("notice=discarded")
    assert nothing.headers["location"].endswith("notice=nothing_chosen")
    assert "The quarantine is empty" in desk.get("/operator/quarantine").text


def test_the_quarantine_is_searched_page_by_page(place: Place, desk: Browser) -> None:
    """By reason, sender and recipient; a percent sign is only that."""
    _contested(place)
    _contested(place, sender="x@other.example")

    by_sender = desk.get("/operator/quarantine?q=OTHER.example").text
    by_recipient = desk.get("/operator/quarantine?q=postmaster").text
    by_sign = desk.get("/operator/quarantine?q=%25").text

    assert by_sender.count('name="ids"') == 1
    assert by_recipient.count('name="ids"') == 2
    assert by_sign.count('name="ids"') == 0


def test_a_mail_that_was_never_in_quarantine_is_no_business_of_an_operators(
    place: Place, desk: Browser
) -> None:
    """What was filed by the rules is its company's alone."""
    place.company(addresses=("own@mailbox.example",))
    mail_id = _contested(place, "own@mailbox.example")

    assert desk.get(f"/operator/quarantine/{mail_id}").status_code == 404
    assert desk.get("/operator/quarantine/nothing").status_code == 404


def test_partners_are_trusted_blocked_and_released(place: Place, desk: Browser) -> None:
    """Who is known is so with the bank accounts noted so far; each decision is on record with its maker."""
    partner = making.partner(name="Lieferant", domains=("lieferant.example",), environment=Environment.TEST)
    account = PartnerTrait(
        kind=TraitKind.BANK_ACCOUNT, value="DE72", accepted=False, first_seen=NOW, last_seen=NOW
    )
    with place.store.transaction() as records:
        records.partners.add(partner, at=NOW)
        records.partners.note(partner.id, account)
    own = f"/operator/partners/{partner.id}"
    listed = desk.get("/operator/partners?q=LIEFERANT.ex&trust=new").text
    none = desk.get("/operator/partners?trust=blocked").text

    for path, fields in (
        ("trust", {"trust": "known"}),
        ("environment", {"environment": "productive"}),
        ("mails", {"hold": "true"}),
        ("mails", {"hold": "false"}),
        ("trust", {"trust": "blocked"}),
    ):
        answer = desk.post(f"{own}/{path}", fields)
        assert answer.headers["location"] == f"{own}?notice=partner_changed"

    assert own in listed
    assert own not in none
    with place.store.reading() as records:
        after = records.partners.get(partner.id)
        [trait] = records.partners.traits(partner.id)
        acts = records.acts.of(partner.id)
    assert (after.trust, after.environment) == (PartnerTrust.BLOCKED, Environment.PRODUCTIVE)
    assert trait.accepted
    assert [act.name for act in acts] == [
        *(ActName.PARTNER_TRUST, ActName.MAILS_RESUMED, ActName.MAILS_HELD),
        *(ActName.PARTNER_ENVIRONMENT, ActName.PARTNER_TRUST),
    ]
    assert {act.actor for act in acts} == {"operator olga@mailbox.example"}
    shown = desk.get(own).text
    assert "Supplier “Lieferant”: known instead of new. Accepted: DE72" in shown
    assert "olga@mailbox.example" in desk.get("/operator/acts").text


def test_held_mails_are_released_and_failed_ones_tried_again(place: Place, desk: Browser) -> None:
    """All of the chosen ones, or none when one of them went meanwhile."""
    company = place.company(name="Musterwerk")
    held = making.outbound(account_id=company.id, state=OutboundState.HELD, recipient="a@x.example")
    failed = making.outbound(account_id=company.id, state=OutboundState.FAILED, recipient="b@x.example")
    with place.store.transaction() as records:
        records.outbox.add([held, failed])
    shown = desk.get("/operator/outgoing").text

    answers = [
        desk.post("/operator/outgoing/release", {"ids": [held.id]}).headers["location"],
        desk.post("/operator/outgoing/retry", {"mail": failed.id}).headers["location"],
        desk.post("/operator/outgoing/release", {"ids": [held.id]}).headers["location"],
    ]

    assert "a@x.example" in shown
    assert "b@x.example" in shown
    assert "Musterwerk" in shown
    assert [one.partition("notice=")[2] for one in answers] == [
        *("mails_released", "mails_released", "decided_meanwhile")
    ]
    with place.store.reading() as records:
        states = {mail.state for mail in records.outbox.select()}
        acts = [act.name for act in records.acts.newest()]
    assert states == {OutboundState.QUEUED}
    assert acts[:2] == [ActName.MAIL_RETRIED, ActName.MAIL_RELEASED]


def test_the_overview_counts_what_waits(place: Place, desk: Browser) -> None:
    """The queue by its senders, mails that failed so far, companies that nobody administrates."""
    company = place.company(name="Niemandes GmbH")
    _contested(place)
    for number in range(3):
        place.store.add_mails([making.incoming(f"Subject: {number}\r\n\r\nx\r\n".encode())])
    with place.store.transaction() as records:
        [mail_id] = records.mails.claim(by="w", now=NOW, lease=timedelta(seconds=9), limit=1)
        records.mails.failed(mail_id, by="w", reason="the reader died", not_before=NOW)

    shown = desk.get("/operator").text

    assert "<strong>3</strong> <span>in the queue</span>" in shown
    assert "<strong>1</strong> <span>in quarantine</span>" in shown
    assert "supplier.example" in shown
    assert "the reader died" in shown
    assert company.name in shown
