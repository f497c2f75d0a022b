"""Who is told of a mail's invoices, as the store knows it; on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ingest.processing.filing import OnRecord
from ingest.processing.notices import Recipient
from ingest.processing.on_record import BOUNCING_FOR, load_on_record
from storage.ids import new_id
from storage.records.companies import AccountStatus
from storage.records.invoices import Environment
from storage.records.outgoing import OutboundState
from storage.records.partners import ContractingPartner, PartnerTrust
from storage.records.people import Language, MembershipState
from storage.records.reading import ReturnedMail
from storage.store import Store
from tests import making

LEASE = timedelta(minutes=1)


def test_members_are_told_who_are_here_and_want_it(store: Store, now: datetime) -> None:
    """Not who was invited and has not come yet, who waits, was removed, or does not want to be told."""
    company = making.account()
    people = {
        name: making.user(email=f"{name}@company.example", language=Language.ENGLISH)
        for name in ("told", "invited", "waiting", "removed", "unwilling")
    }
    people["invited"] = replace(people["invited"], confirmed_at=None)
    states = {"waiting": MembershipState.WAITING, "removed": MembershipState.REMOVED}
    with store.transaction() as records:
        records.accounts.add(company)
        for name, person in people.items():
            records.users.add(person)
            state = states.get(name, MembershipState.ACTIVE)
            records.memberships.put(
                making.membership(company.id, person.id, state=state, notify=name != "unwilling")
            )

    audience = _on_record(store, now).audience

    assert audience.members == {
        company.id: [Recipient(email="told@company.example", language=Language.ENGLISH)]
    }


def test_an_account_or_a_partner_on_hold_is_known(store: Store, now: datetime) -> None:
    """Each by itself."""
    company = making.account()
    partner = ContractingPartner(
        id=new_id(),
        name="Supplier",
        domains=("supplier.example",),
        vat_ids=(),
        trust=PartnerTrust.NEW,
        environment=Environment.TEST,
        first_seen=None,
        last_seen=None,
    )
    with store.transaction() as records:
        records.accounts.add(company)
        records.partners.add(partner, at=now)
        records.outbox.hold(partner.id, at=now, by="operator")
    assert _on_record(store, now).audience.held == {partner.id}

    with store.transaction() as records:
        records.outbox.end_hold(partner.id)
        records.outbox.hold(company.id, at=now, by="operator")
    assert _on_record(store, now).audience.held == {company.id}


def test_an_address_whose_last_mail_came_back_is_known_for_a_week(store: Store, now: datetime) -> None:
    """The invited company's, here; a mail that arrives later makes it good again."""
    company = making.account(status=AccountStatus.INVITED, invited_at=now, registered_at=None)
    link = making.link(company.id)
    with store.transaction() as records:
        records.accounts.add(company)
        records.links.add([link])
    _sent(store, link.email, "<invoices.1@host>", now, comes_back=True)

    assert _on_record(store, now).audience.bouncing == {link.email}
    assert _on_record(store, now + BOUNCING_FOR).audience.bouncing == set()
    _sent(store, link.email, "<invoices.2@host>", now + LEASE, comes_back=False)
    assert _on_record(store, now + LEASE).audience.bouncing == set()


def test_a_mail_of_ours_is_known_again_by_its_own_id_and_by_a_notification_about_it(
    store: Store, now: datetime
) -> None:
    """A foreign id that looks like ours is not."""
    with store.transaction() as records:
        records.accounts.add(making.account())
    _sent(store, "anna@company.example", "<invoices.1@host>", now, comes_back=False)
    returned = ReturnedMail(message_id="<invoices.1@host>", status=None, diagnostic=None, failed=True)

    own = _on_record(store, now, message_id="<invoices.1@host>").own
    about = _on_record(store, now, returned=returned).own

    assert own is not None
    assert own == about
    assert own.state is OutboundState.SENT
    assert _on_record(store, now, message_id="<invoices.2@host>").own is None


def test_nobody_is_looked_up_where_nobody_is_told(store: Store, now: datetime) -> None:
    """outbound.mode = "none" costs no query."""
    company, anna = making.account(), making.user()
    with store.transaction() as records:
        records.accounts.add(company)
        records.users.add(anna)
        records.memberships.put(making.membership(company.id, anna.id))

    assert _on_record(store, now, told=False).audience.members == {}


def _on_record(
    store: Store,
    now: datetime,
    *,
    message_id: str = "<1@supplier.example>",
    returned: ReturnedMail | None = None,
    told: bool = True,
) -> OnRecord:
    mail = making.incoming(new_id().encode())
    store.add_mails([mail])
    message = making.message(message_id=message_id)
    reading = making.mail_reading(message=message, returned=returned)
    with store.reading() as records:
        return load_on_record(records, records.mails.get(mail.id), reading, now, with_audience=told)


def _sent(store: Store, recipient: str, message_id: str, at: datetime, *, comes_back: bool) -> None:
    mail = making.outbound(recipient=recipient, created_at=at)
    with store.transaction() as records:
        records.outbox.add([mail])
        records.outbox.claim(by="a", now=at, lease=LEASE, limit=1)
        records.outbox.sent(mail, by="a", at=at, message_id=message_id, reply="250")
        if comes_back:
            records.outbox.bounced(message_id, "550")
