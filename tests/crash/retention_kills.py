"""Kills retention at random instants, again and again; after each kill the next run ends what the killed one began.

    python -m tests.crash.retention_kills URL [--kills 200] [--seed 1]

Prints one JSON object: kills, those that came before the run had ended, and everything that was wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import timedelta

import structlog

from ingest.receiving.transfer_key import transfer_digest
from retention.verification import Found, verify
from retention.worker import drill
from storage.expiring.expiry import RetentionPeriods
from storage.records.filing import Filing
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import Outcome, ReceivedMail
from storage.store import Store
from tests import making

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)
AT = making.NOW + timedelta(days=31)
DUE, NOT_DUE, LARGE = 12, 3, 3  # mails a round; the large ones lie in the log of octets
BATCH = 3
_FIRST_RUN_SECONDS = (
    60.0  # it ends by itself and tells how long a run takes here; a guess had all kills come too late
)


def kills(url: str, number: int, seed: int) -> dict[str, object]:
    """Everything that was wrong in `number` rounds."""
    chance = random.Random(seed)
    company = making.account()
    store = Store.open(url)
    with store.transaction() as records:
        records.accounts.add(company)
    store.close()
    wrong: list[str] = []
    _fill(url, company.id, chance)
    _, longest = _killed(url, _FIRST_RUN_SECONDS)
    unfinished = 0
    for round_ in range(number):
        _fill(url, company.id, chance)
        ended, seconds = _killed(url, chance.uniform(0, 1.2 * longest))
        unfinished += not ended
        if ended:
            longest = 0.5 * longest + 0.5 * seconds  # the next kills come within such a run
        wrong += [f"round {round_}, killed: {what}" for what in _wrong(url, finished=False)]
        store = Store.open(url)
        drill(store, PERIODS, AT, batch=BATCH)
        store.close()
        wrong += [f"round {round_}, then run: {what}" for what in _wrong(url, finished=True)]
    return {"kills": number, "in_the_middle": unfinished, "wrong": wrong}


def _killed(url: str, after: float) -> tuple[bool, float]:
    """Starts a run and kills it; whether it had ended by itself, and how long it went on."""
    heard, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        store = Store.open(url)
        os.write(say, b"!")
        drill(store, PERIODS, AT, batch=BATCH)
        os._exit(0)
    os.close(say)
    os.read(heard, 1)
    os.close(heard)
    began = time.monotonic()
    status = 0
    while time.monotonic() - began < after:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0, time.monotonic() - began
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False, after


def _fill(url: str, account_id: str, chance: random.Random) -> None:
    kinds = [Environment.TEST] * DUE + [Environment.PRODUCTIVE] * NOT_DUE
    store = Store.open(url)
    for number, kind in enumerate(kinds):
        octets = chance.randbytes(50_000 if number < LARGE else 200)
        mail = making.incoming(octets, transfer_digest=transfer_digest(octets, making.envelope()))
        expires_at = PERIODS.expires_at(making.NOW, kind)
        invoice = making.invoice(
            mail_id=mail.id, account_id=account_id, environment=kind, expires_at=expires_at
        )
        event = HistoryEvent(
            at=making.NOW,
            event=HistoryEventName.RECORDED,
            actor="worker",
            detail={"environment": str(kind), "expires_at": expires_at.isoformat()},
            mail_id=mail.id,
            invoice_id=invoice.id,
        )
        filing = Filing(
            mail_id=mail.id,
            outcome=Outcome.RECORDED,
            reason=None,
            message=making.message(),
            received_at=making.NOW,
            expires_at=expires_at,
            invoices=(invoice,),
            events=(event,),
        )
        store.add_mails([mail])
        with store.transaction() as records:
            records.mails.claim(by="a", now=making.NOW, lease=timedelta(days=1), limit=1)
            assert records.mails.file(filing, by="a")
    store.close()


def _wrong(url: str, *, finished: bool) -> list[str]:
    store = Store.open(url)
    found = list(verify(store, making.NOW, _digest_of))
    with store.reading() as records:
        invoices = records.invoices.select()
        told = Counter(
            (one.subject_id, one.event) for one in (chained.entry for chained in records.ledger.entries())
        )
    store.close()
    wrong = [f"{one.check} {one.subject}: {one.text}" for one in found if isinstance(one, Found)]
    for invoice in invoices:
        gone = invoice.state is InvoiceState.DELETED
        if gone and invoice.expires_at > AT:
            wrong.append(f"{invoice.id} went early")
        if finished and not gone and invoice.expires_at <= AT:
            wrong.append(f"{invoice.id} was kept")
    wrong += [
        f"{subject} has {count} entries {event}"
        for (subject, event), count in told.items()
        if subject and count > 1
    ]
    return wrong


def _digest_of(mail: ReceivedMail, octets: bytes) -> bytes:
    return transfer_digest(octets, mail.envelope)


def main(arguments: list[str]) -> None:
    """Tells what was wrong; exit status 1 if anything was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    result = kills(options.url, options.kills, options.seed)
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["wrong"]))


if __name__ == "__main__":
    main(sys.argv[1:])
