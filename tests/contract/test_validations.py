"""The stage that validates, on each engine: who takes what, what is written, and that nothing is done twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ingest.exposition import Queue
from ingest.processing.validator import LEASE, Validator
from retention.worker import drill
from storage.expiring.expiry import RetentionPeriods
from storage.records.history import HistoryEventName
from storage.records.invoices import InvoiceState
from storage.records.validation import ValidationStatus
from storage.store import Store
from tests import making
from tests.filed_mails import file_invoice
from tests.validated import answering, validation
from tracing import steps
from validation.examiners import ExaminationFailed, Examiners

WAITING = "invoices_validations_waiting"
_PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)


def _validator(store: Store, examiners: Examiners, now: datetime = making.NOW) -> Validator:
    return Validator(store=store, now=lambda: now, examiners=examiners)


def test_an_invoice_gets_its_worth_and_an_event(store: Store, database_url: str) -> None:
    """Both are written together, and the invoice does not wait any more."""
    filed = file_invoice(database_url)

    done = _validator(store, answering(validation())).until_done()

    with store.reading() as records:
        invoice = records.invoices.get(filed.invoice_id)
        events = records.history.of_invoice(filed.invoice_id, filed.mail_id)
        assert not records.validations.has_waiting(making.NOW + 10 * LEASE)
    assert done == 1
    assert invoice.validation == validation()
    assert invoice.validated_at == making.NOW
    assert (events[-1].event, events[-1].detail) == (
        HistoryEventName.VALIDATED,
        {"status": "invalid", "class": "Geschäftsregelfehler", "rules": "en16931-cii-1"},
    )


def test_what_one_has_taken_another_gets_only_after_its_lease(store: Store, database_url: str) -> None:
    """A worker that was killed with an invoice in hand loses it, and nothing is done twice meanwhile."""
    filed = file_invoice(database_url)
    with store.transaction() as records:
        taken = records.validations.claim(now=making.NOW, lease=LEASE, limit=8)

    with store.transaction() as records:
        at_once = records.validations.claim(now=making.NOW + timedelta(seconds=1), lease=LEASE, limit=8)
        later = records.validations.claim(now=making.NOW + LEASE, lease=LEASE, limit=8)

    assert [(one.invoice_id, one.tries) for one in taken] == [(filed.invoice_id, 1)]
    assert at_once == []
    assert [(one.invoice_id, one.tries) for one in later] == [(filed.invoice_id, 2)]


def test_a_result_is_written_once(store: Store, database_url: str) -> None:
    """Whoever comes second changes nothing, unless it is asked to."""
    filed = file_invoice(database_url)
    better = validation(status=ValidationStatus.VALID, findings=())

    with store.transaction() as records:
        first = records.validations.record(filed.invoice_id, validation(), at=making.NOW)
        second = records.validations.record(filed.invoice_id, better, at=making.NOW)
        again = records.validations.record(filed.invoice_id, better, at=making.NOW, again=True)

    with store.reading() as records:
        assert records.invoices.get(filed.invoice_id).validation == better
    assert (first, second, again) == (True, False, True)


def test_given_back_is_as_if_never_taken(store: Store, database_url: str) -> None:
    """A worker that is told to stop, or sees new mail, costs its invoices no try."""
    filed = file_invoice(database_url)
    with store.transaction() as records:
        records.validations.claim(now=making.NOW, lease=LEASE, limit=8)
        records.validations.release([filed.invoice_id])

    with store.transaction() as records:
        taken = records.validations.claim(now=making.NOW, lease=LEASE, limit=8)

    assert [(one.invoice_id, one.tries) for one in taken] == [(filed.invoice_id, 1)]


def test_what_kills_its_examiner_is_given_up_after_three_tries(store: Store, database_url: str) -> None:
    """Not tried for ever; the invoice says so, and stays what it is."""
    filed = file_invoice(database_url)
    examiners = answering(*[ExaminationFailed("the process that examined it died")] * 3)
    now = making.NOW
    for _ in range(4):
        _validator(store, examiners, now).until_done()
        now += LEASE

    with store.reading() as records:
        invoice = records.invoices.get(filed.invoice_id)
    assert invoice.validation is not None
    assert invoice.validation.status is ValidationStatus.NOT_VALIDATED
    assert examiners.asked == 3  # type: ignore[attr-defined]  # of the stand-in


@pytest.mark.parametrize("validates", [True, False])
def test_what_waits_is_counted_where_it_is_validated(
    store: Store, database_url: str, validates: bool
) -> None:
    """The one stage that gives way to all others: an alarm knows when its turn never comes."""
    filed = file_invoice(database_url)
    file_invoice(database_url, addresses=("b@company.example",))
    with store.transaction() as records:
        records.validations.record(filed.invoice_id, validation(), at=making.NOW)

    shown = list(Queue(store, lambda: making.NOW, validates=validates).collect())

    waiting = [sample.value for one in shown if one.name == WAITING for sample in one.samples]
    assert waiting == ([1] if validates else [])


def test_validating_is_a_step_of_the_mail(store: Store, database_url: str, told: list[steps.Done]) -> None:
    """In the trace of reception and filing, each try for itself; no finding is in it, for they quote the invoice."""
    filed = file_invoice(database_url)
    examiners = answering(ExaminationFailed("it took too long"), validation())

    _validator(store, examiners).until_done()
    _validator(store, examiners, making.NOW + LEASE).until_done()

    facts = {"invoice": filed.invoice_id, "tries": 1}
    worth = {"status": "invalid", "class": "Geschäftsregelfehler"}
    assert [(one.step, one.mail_id, one.failed, one.facts) for one in told] == [
        (steps.Step.VALIDATE, filed.mail_id, "it took too long", facts),
        (steps.Step.VALIDATE, filed.mail_id, None, facts | {"tries": 2} | worth),
    ]
    assert all(one.began <= one.ended for one in told)


def test_mail_that_waits_comes_first(store: Store, database_url: str) -> None:
    """The thread does nothing while the queue holds mail: a burst is recorded no later because of it."""
    file_invoice(database_url)
    store.add_mails([making.incoming(b"Subject: new\r\n\r\n")])
    validator = _validator(store, answering(validation()))

    done = validator._persistently()

    assert done == 0


def test_a_deleted_invoice_keeps_no_findings(store: Store, database_url: str) -> None:
    """They quote the invoice; its tombstone must not."""
    filed = file_invoice(database_url)
    with store.transaction() as records:
        records.validations.record(filed.invoice_id, validation(), at=making.NOW)
    drill(store, _PERIODS, making.NOW + timedelta(days=91))

    with store.transaction() as records:
        invoice = records.invoices.get(filed.invoice_id)
        written = records.validations.record(filed.invoice_id, validation(), at=making.NOW, again=True)

    assert (invoice.state, invoice.validation) == (InvoiceState.DELETED, None)
    assert not written


@pytest.mark.parametrize("status", list(ValidationStatus))
def test_invoices_are_found_by_their_worth(store: Store, database_url: str, status: ValidationStatus) -> None:
    """What waits is not validated, as is what could not be."""
    wanted, other = file_invoice(database_url), file_invoice(database_url, addresses=("b@company.example",))
    unlike = ValidationStatus.VALID if status is not ValidationStatus.VALID else ValidationStatus.INVALID
    with store.transaction() as records:
        if status is not ValidationStatus.NOT_VALIDATED:
            records.validations.record(wanted.invoice_id, validation(status=status), at=making.NOW)
        records.validations.record(other.invoice_id, validation(status=unlike), at=making.NOW)

    with store.reading() as records:
        found = records.invoices.select(status=status)
        counts = records.validations.counts()

    assert [one.id for one in found] == [wanted.invoice_id]
    assert counts == {status: 1, unlike: 1}


def test_a_bug_costs_only_the_invoice_that_shows_it(store: Store, database_url: str) -> None:
    """The others of its batch get their worth; it is tried again, and given up after three times."""
    first = file_invoice(database_url)
    second = file_invoice(database_url, addresses=("b@company.example",))
    broken, sound = sorted((first.invoice_id, second.invoice_id))
    examiners = answering(validation())
    answer = examiners.examine

    def breaks_once(*_: object) -> object:
        examiners.examine = answer  # type: ignore[method-assign]
        raise ZeroDivisionError

    examiners.examine = breaks_once  # type: ignore[method-assign, assignment]

    _validator(store, examiners).until_done()

    with store.reading() as records:
        assert records.invoices.get(broken).validation is None
        assert records.invoices.get(sound).validation == validation()
        assert records.validations.has_waiting(making.NOW + LEASE)
