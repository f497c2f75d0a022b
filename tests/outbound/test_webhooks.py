"""Programs are called over HTTP: signed, again until they take it, and never where they must not lead."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.forms import invoice_forms
from config.load import load
from outbound import calling, running
from outbound.call_patience import DISABLED_AFTER, WAITS
from outbound.calling import INSIDE
from outbound.delivering import GONE, OTHER_KEY, Delivering
from storage.outgoing.webhook_secrets import WebhookSecrets
from storage.records.companies import SecondLook
from storage.records.outgoing import MailTemplate
from storage.records.people import Role
from storage.records.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from storage.store import Store
from tests import making
from tests.certificates import self_signed
from tests.filed_mails import Filed, file_invoice
from tests.outbound.conftest import Clock
from tests.program import Program, program
from tracing import steps

NEAR = '["127.0.0.0/8"]'
EXAMPLE = Path("docs/webhooks.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]


@pytest.fixture
def erp() -> Iterator[Program]:
    """A program that takes everything."""
    with program() as opened:
        yield opened


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    """An invoice on record."""
    return file_invoice(f"sqlite:///{tmp_path / 'invoices.db'}")


@pytest.fixture
def delivering(store: Store, clock: Clock, tmp_path: Path) -> Delivering:
    """A caller that may call this machine."""
    return caller(store, clock, tmp_path)


def caller(store: Store, clock: Clock, folder: Path, networks: str = NEAR) -> Delivering:
    """A caller wired as the program wires it; each has a name of its own."""
    environment = {
        "INVOICES_DATA_DIR": str(folder),
        "INVOICES_WEBHOOKS__ALLOWED_NETWORKS": networks,
        "INVOICES_REGISTRATION__LINK_KEY": making.KEY.decode(),
    }
    wired = running.caller(load(None, environment), store, invoice_forms)
    wired._wiring = replace(wired._wiring, now=clock, idle_seconds=0.02)
    return wired


def _told(store: Store, filed: Filed, url: str, **changes: Any) -> Webhook:
    """A webhook, and a call that waits for it."""
    webhook = making.webhook(filed.account_id, url=url, **changes)
    with store.transaction() as records:
        records.webhooks.add(webhook)
        records.webhook_deliveries.tell(WebhookEvent.RECEIVED, [filed.invoice_id], making.NOW, once=True)
    return webhook


def _delivery(store: Store, webhook: Webhook) -> WebhookDelivery:
    with store.reading() as records:
        return records.webhook_deliveries.of_webhook(webhook.id, 1)[0]


def _now(store: Store, webhook: Webhook) -> Webhook:
    with store.reading() as records:
        return records.webhooks.get(webhook.account_id, webhook.id)


def test_a_program_is_told_what_the_interface_would_answer(
    store: Store, delivering: Delivering, erp: Program, filed: Filed
) -> None:
    """Once, as JSON, with an id; what it says is on record nowhere."""
    webhook = _told(store, filed, erp.url)

    assert (delivering.deliver_due(), delivering.deliver_due()) == (1, 0)

    [call] = erp.calls
    with store.reading() as records:
        [form] = invoice_forms(records, [records.invoices.get(filed.invoice_id)])
    delivery = _delivery(store, webhook)
    assert (call.path, call.headers["content-type"]) == ("/invoices", "application/json")
    assert call.told == {
        "type": "invoice.received",
        "timestamp": "2026-11-24T09:00:00Z",
        "data": {"invoice": form},
    }
    assert call.headers["webhook-id"] == delivery.id
    assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.DELIVERED, 204, 1)
    assert _now(store, webhook).delivered_at == making.NOW


def test_the_example_of_the_documents_knows_our_calls(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock, monkeypatch: Any
) -> None:
    """With the former secret and the new one; a changed body, another secret or an old call is found out."""
    example: dict[str, Any] = {}
    exec(compile(EXAMPLE, "docs/webhooks.md", "exec"), example)  # noqa: S102  -- our own text
    is_ours = example["is_ours"]
    secrets = WebhookSecrets(making.KEY)
    webhook = _told(store, filed, erp.url)
    with store.transaction() as records:
        records.webhooks.renew_secret(webhook, "newer", secrets.digest("newer"), making.NOW)
    delivering.deliver_due()
    [call] = erp.calls
    monkeypatch.setattr(time, "time", lambda: clock().timestamp())

    known = [is_ours(secrets.written(one), call.headers, call.body) for one in (webhook.secret_id, "newer")]
    forged = [
        is_ours(secrets.written("another"), call.headers, call.body),
        is_ours(secrets.written("newer"), call.headers, call.body + b" "),
        is_ours(secrets.written("newer"), call.headers | {"webhook-id": "x"}, call.body),
    ]
    clock.pass_(timedelta(minutes=6))
    old = is_ours(secrets.written("newer"), call.headers, call.body)
    assert (known, forged, old) == ([True, True], [False, False, False], False)


def test_a_call_that_is_not_taken_is_made_again_with_the_same_id(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock
) -> None:
    """Not before its time, and until it is taken; the page says what came last."""
    webhook = _told(store, filed, erp.url)
    erp.answers = [(500, {}), (302, {"Location": "http://127.0.0.1/elsewhere"})]

    delivering.deliver_due()
    first = _delivery(store, webhook)
    early = delivering.deliver_due()
    clock.pass_(WAITS[0])
    delivering.deliver_due()
    second = _delivery(store, webhook)
    clock.pass_(WAITS[1])
    delivering.deliver_due()

    assert early == 0
    assert (first.state, first.reply) == (DeliveryState.WAITING, "HTTP 500")
    assert second.reply == "HTTP 302: it leads elsewhere, which is not followed"
    assert _delivery(store, webhook).state is DeliveryState.DELIVERED
    assert len({call.headers["webhook-id"] for call in erp.calls}) == 1
    assert [call.path for call in erp.calls] == ["/invoices"] * 3


def test_each_call_is_a_step_of_the_mail_that_the_invoice_came_in(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock, told: list[steps.Done]
) -> None:
    """Whoever asks why an ERP system knows of an invoice so late sees it in the mail's trace; no address is in it."""
    webhook = _told(store, filed, erp.url)
    erp.answers = [(500, {})]

    delivering.deliver_due()
    clock.pass_(WAITS[0])
    delivering.deliver_due()

    assert [
        (one.step, one.mail_id, one.failed, one.facts["status"], one.facts["attempts"]) for one in told
    ] == [
        (steps.Step.CALL, filed.mail_id, "not taken", 500, 1),
        (steps.Step.CALL, filed.mail_id, None, 204, 2),
    ]
    assert {(one.facts["webhook"], one.facts["event"]) for one in told} == {(webhook.id, "invoice.received")}
    assert all(one.began <= one.ended and not one.begins_trace for one in told)
    assert erp.url not in str(told)


def test_a_trial_call_has_a_trace_of_its_own(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock, told: list[steps.Done]
) -> None:
    """It tells of no invoice, so of no mail; its id is the one that the program sees."""
    webhook = making.webhook(filed.account_id, url=erp.url)
    with store.transaction() as records:
        records.webhooks.add(webhook)
        records.webhook_deliveries.test(webhook, clock.at)

    delivering.deliver_due()

    [done], [call] = told, erp.calls
    assert (done.mail_id, done.begins_trace) == (call.headers["webhook-id"], True)


def test_who_asks_for_time_gets_it(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock
) -> None:
    """Retry-After (RFC 9110 10.2.3), for what is new, too."""
    webhook = _told(store, filed, erp.url)
    erp.answers = [(503, {"Retry-After": "600"})]
    delivering.deliver_due()
    with store.transaction() as records:
        records.webhook_deliveries.test(webhook, clock.at)

    clock.pass_(timedelta(seconds=599))
    before = delivering.deliver_due()
    clock.pass_(timedelta(seconds=1))

    assert (before, delivering.deliver_due(), len(erp.calls)) == (0, 1, 3)


def test_a_program_that_stays_away_is_disabled_and_its_administrators_are_told(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock
) -> None:
    """After its last try; members who are no administrators are not told, and nothing waits any more."""
    people = [making.user(email=f"{name}@company.example") for name in ("anna", "ben")]
    with store.transaction() as records:
        for person, role in zip(people, (Role.ADMINISTRATOR, Role.MEMBER), strict=True):
            records.users.add(person)
            records.memberships.put(making.membership(filed.account_id, person.id, role=role))
    webhook = _told(store, filed, f"{erp.url}?token=secret")
    erp.always = 500

    for wait in WAITS:
        delivering.deliver_due()
        assert _now(store, webhook).enabled
        clock.pass_(wait)
    with store.transaction() as records:
        records.webhook_deliveries.test(webhook, clock.at)
    delivering.deliver_due()

    disabled = _now(store, webhook)
    with store.reading() as records:
        mails = records.outbox.select()
        states = {one.state for one in records.webhook_deliveries.of_webhook(webhook.id, 10)}
    assert clock.at - making.NOW >= DISABLED_AFTER
    assert (disabled.enabled, disabled.disabled_reason) == (False, "HTTP 500")
    assert states == {DeliveryState.FAILED}
    assert [(mail.template, mail.recipient) for mail in mails] == [
        (MailTemplate.WEBHOOK_DISABLED, "anna@company.example")
    ]
    assert mails[0].context == {"address": erp.url, "reason": "HTTP 500"}


def test_a_program_that_wants_no_more_is_not_called_again(
    store: Store, delivering: Delivering, erp: Program, filed: Filed
) -> None:
    """410 says so at once."""
    webhook = _told(store, filed, erp.url)
    erp.answers = [(410, {})]

    delivering.deliver_due()

    assert not _now(store, webhook).enabled
    assert _delivery(store, webhook).state is DeliveryState.FAILED


def test_nothing_inside_the_network_is_called_unless_it_is_allowed(
    store: Store, erp: Program, filed: Filed, clock: Clock, tmp_path: Path
) -> None:
    """By number or by name; http only where the operator named the network. The program hears nothing."""
    urls = [
        erp.url,
        erp.url.replace("127.0.0.1", "localhost"),
        f"https://127.0.0.1:{erp.port}/",
        f"https://[::ffff:127.0.0.1]:{erp.port}/",
        "https://169.254.169.254/latest/meta-data",
    ]
    webhooks = [_told(store, filed, url) for url in urls]
    for delivering in (
        caller(store, clock, tmp_path, "[]"),
        caller(store, clock, tmp_path, '["10.0.0.0/8"]'),
    ):
        delivering.deliver_due()
        clock.pass_(WAITS[0])

    replies = {(one.attempts, one.reply) for one in (_delivery(store, webhook) for webhook in webhooks)}
    assert erp.calls == []
    assert replies == {(2, INSIDE)}


def test_a_name_leads_where_it_led_when_it_was_checked(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up once for a connection: a DNS that answers otherwise the second time leads nowhere."""
    asked: list[str] = []

    async def looked_up(host: str, _: int) -> list[Any]:
        asked.append(host)
        return [calling.ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    monkeypatch.setattr(calling, "_looked_up", looked_up)
    _told(store, filed, f"http://erp.invalid:{erp.port}/in")

    delivering.deliver_due()

    [call] = erp.calls
    assert asked == ["erp.invalid"]
    assert call.headers["host"] == f"erp.invalid:{erp.port}"


def test_over_tls_only_a_trusted_certificate_counts(
    store: Store, filed: Filed, clock: Clock, tmp_path: Path
) -> None:
    """Else anybody between could read what is told."""
    pem = tmp_path / "erp.pem"
    pem.write_bytes(self_signed(until=datetime.now(UTC) + timedelta(days=10)))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    knows = ssl.create_default_context(cafile=str(pem))
    with program(server) as erp:
        webhook = _told(store, filed, erp.url)
        distrusting = caller(store, clock, tmp_path)
        distrusting.deliver_due()
        reply = _delivery(store, webhook).reply
        trusting = caller(store, clock, tmp_path)
        trusting._wiring = replace(trusting._wiring, tls=lambda: knows)
        clock.pass_(WAITS[0])
        trusting.deliver_due()

    assert len(erp.calls) == 1
    assert "certificate" in str(reply).lower()
    assert _delivery(store, webhook).state is DeliveryState.DELIVERED


@contextmanager
def _deaf() -> Iterator[int]:
    """A port that takes connections and says nothing sensible."""
    import socket  # noqa: PLC0415  -- for these few lines

    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"220 mx.example.com ESMTP\r\n")
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):  # closed with a word unread, it would be reset
                            pass
            except OSError:
                return

        thread = threading.Thread(target=talk)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_what_does_not_speak_http_or_is_not_there_is_said(
    store: Store, delivering: Delivering, filed: Filed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words that an administrator of a company can do something with, and within a bounded time."""
    monkeypatch.setattr(calling, "ANSWER_SECONDS", 0.3)
    with _deaf() as port, program() as slow:
        slow.seconds = 1.0
        webhooks = [
            _told(store, filed, url)
            for url in (f"http://127.0.0.1:{port}/", "http://127.0.0.1:1/", slow.url, "http://name.invalid/")
        ]
        began = time.monotonic()
        delivering.deliver_due()
        took = time.monotonic() - began

    replies = [str(_delivery(store, webhook).reply) for webhook in webhooks]
    assert took < 5
    assert replies[0].startswith("it does not speak HTTP")
    assert replies[1].startswith("it cannot be reached: ")
    assert replies[2].startswith("no answer within ")
    assert replies[3].startswith("it cannot be reached: ")


def test_a_long_answer_is_not_read(store: Store, delivering: Delivering, erp: Program, filed: Filed) -> None:
    """What counts is its status."""
    webhook = _told(store, filed, erp.url)
    erp.always, erp.octets = 200, 20_000_000

    delivering.deliver_due()

    assert _delivery(store, webhook).reply == "HTTP 200"


def test_what_is_gone_or_withheld_meanwhile_is_not_told(
    store: Store, delivering: Delivering, erp: Program, filed: Filed
) -> None:
    """And holds up nothing behind it."""
    webhook = _told(store, filed, erp.url)
    with store.transaction() as records:
        records.webhook_deliveries.test(webhook, making.NOW)
        records.second_looks.put(records.invoices.get(filed.invoice_id), SecondLook.WITHHELD)

    delivering.deliver_due()

    with store.reading() as records:
        test, received = records.webhook_deliveries.of_webhook(webhook.id, 10)
    assert (received.state, received.reply) == (DeliveryState.FAILED, GONE)
    assert (test.state, [call.told["type"] for call in erp.calls]) == (
        DeliveryState.DELIVERED,
        ["webhook.test"],
    )


def test_without_the_key_of_its_secret_nothing_is_sent(
    store: Store, delivering: Delivering, erp: Program, filed: Filed
) -> None:
    """A call with a signature that the program cannot check would be worth nothing."""
    webhook = _told(store, filed, erp.url, secret_digest=b"of another key")

    delivering.deliver_due()

    assert (erp.calls, _delivery(store, webhook).reply) == ([], OTHER_KEY)


def test_one_call_that_always_fails_holds_up_no_other(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock
) -> None:
    """What a program cannot stomach is tried again later, and the next ones are told meanwhile."""
    webhook = _told(store, filed, erp.url)
    with store.transaction() as records:
        records.webhook_deliveries.test(webhook, making.NOW)
    erp.answers = [(500, {})]

    delivering.deliver_due()
    erp.answers = [(204, {}), (500, {})]
    clock.pass_(WAITS[0])
    delivering.deliver_due()

    assert [call.told["type"] for call in erp.calls] == [
        "invoice.received",
        "webhook.test",
        "invoice.received",
    ]
    assert _now(store, webhook).failures == 1


def test_the_program_serves_until_it_is_told_to_stop(
    store: Store, delivering: Delivering, erp: Program, filed: Filed, clock: Clock
) -> None:
    """A slow webhook does not keep others waiting, and what is under way is finished."""
    with program() as slow:
        slow.seconds = 1.0
        thread = threading.Thread(target=delivering.run)
        waits = _told(store, filed, slow.url, events=(WebhookEvent.RECEIVED,))
        thread.start()
        give_up_at = time.monotonic() + 20
        while not slow.calls and time.monotonic() < give_up_at:
            time.sleep(0.01)
        quick = making.webhook(filed.account_id, url=erp.url)
        with store.transaction() as records:
            records.webhooks.add(quick)
            records.webhook_deliveries.test(quick, clock.at)
        while not erp.calls and time.monotonic() < give_up_at:
            time.sleep(0.01)
        before = _delivery(store, waits).state
        delivering.stop()
        thread.join(20)

    assert not thread.is_alive()
    assert before is DeliveryState.WAITING
    assert _delivery(store, waits).state is DeliveryState.DELIVERED
    assert _delivery(store, quick).state is DeliveryState.DELIVERED
