"""Portals for tests, and clients that fill in their forms as a browser would."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from cli.forms import invoice_forms
from fixtures.mailbox import patiently
from ingest.processing.filing import Rules
from ingest.processing.processor import Processor, Wiring
from portal.app import create_app
from portal.documents import Documents
from portal.wired import Portal
from storage.companies.link_tokens import LinkTokens
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.companies import CompanyAccount
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.store import Store
from tests import making

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = b"a key of thirty-two octets......"
_SECRET = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class Place:
    """One portal and its store; `now` may be moved on."""

    store: Store
    portal: Portal
    clock: list[datetime] = field(default_factory=lambda: [NOW])
    texts: dict[str, list[bytes]] = field(default_factory=dict)  # TXT records by name
    app: FastAPI | None = None  # of `portal`

    def browser(self, **fields: str) -> Browser:
        """A browser without cookies that sends these header fields."""
        if self.app is None or self.app.state.portal is not self.portal:
            self.app = create_app(self.portal)  # half a second, so not for each browser
        return Browser(
            TestClient(self.app, base_url="http://portal.test", headers=fields, follow_redirects=False)
        )

    def company(self, **changes: Any) -> CompanyAccount:
        """A company on record."""
        changes.setdefault("addresses", (f"{new_id()}@mailbox.example",))
        account = making.account(**changes)
        with self.store.transaction() as records:
            records.accounts.add(account)
        return account

    def user(self, *companies: CompanyAccount, role: Role = Role.ADMINISTRATOR, **changes: Any) -> User:
        """A person who belongs to these companies."""
        values: dict[str, Any] = {
            "id": new_id(),
            "email": f"{new_id()}@company.example",
            "name": "Erika Muster",
            "language": Language.ENGLISH,
            "password_hash": None,
            "created_at": NOW,
            "confirmed_at": NOW,
        }
        user = User(**values | changes)
        with self.store.transaction() as records:
            records.users.add(user)
            for company in companies:
                records.memberships.put(
                    Membership(
                        account_id=company.id,
                        user_id=user.id,
                        role=role,
                        state=MembershipState.ACTIVE,
                        created_at=NOW,
                    )
                )
        return user

    def file_mails(self) -> None:
        """Reads and files what is in the queue, as the worker does."""
        rules = Rules(
            periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
            link_life=timedelta(days=30),
            new_id=new_id,
            token_digest=LinkTokens(KEY, self.portal.base_url).digest,
        )
        wiring = Wiring(store=self.store, rules=rules, now=lambda: self.clock[0], readers=1)
        worker = Processor(wiring)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            for _ in patiently("the mails are not filed"):
                with self.store.reading() as records:
                    if not records.mails.queued():
                        return
        finally:
            worker.stop()
            thread.join()

    def signed_in(self, user: User, **fields: str) -> Browser:
        """A browser in which this person is signed in."""
        with self.store.transaction() as records:
            token = records.sessions.begin(user.id, self.clock[0])
        browser = self.browser(**fields)
        browser.client.cookies.set("session", token)
        return browser


@dataclass
class Browser:
    """A client that keeps cookies, and sends each form with the secret of the page before."""

    client: TestClient
    secret: str = ""

    def get(self, path: str) -> Any:
        """A page."""
        answer = self.client.get(path)
        found = _SECRET.search(answer.text) if "html" in answer.headers.get("content-type", "") else None
        self.secret = found[1] if found else self.secret
        return answer

    def post(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> Any:
        """A form; the secret comes along unless `fields` has one."""
        return self.client.post(path, data={"csrf": self.secret} | (fields or {}), **more)


def opened_place(url: str) -> Iterator[Place]:
    """A portal on the store at this address."""
    store = Store.open(url)
    documents = Documents(at_once=1)
    clock = [NOW]
    texts: dict[str, list[bytes]] = {}
    portal = Portal(
        store=store,
        now=lambda: clock[0],
        base_url="http://portal.test",
        key=KEY,
        documents=documents,
        invoice_forms=invoice_forms,
        texts_at=lambda name: texts.get(name, ()),
    )
    yield Place(store, portal, clock, texts)
    documents.close()
    store.close()
