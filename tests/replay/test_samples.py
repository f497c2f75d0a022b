"""Every sample mail of fixtures/mail goes the whole way and becomes what its expected.toml says, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import forms
from cli.local_worker import LocalWorker
from cli.main import main
from config.load import load
from fixtures.expectation import Case, account_arguments, cases, differences, partner_arguments, registered
from ingest.receiving.transfer_key import transfer_digest
from ingest.reception import add_mails
from storage.records.history import HistoryEventName
from storage.store import Store
from tests import making


@pytest.mark.usefixtures("tables")
def test_every_sample_becomes_what_it_should(tmp_path: Path, database_url: str) -> None:
    """One run for all, since some build on others; each case that is wrong is named with what is wrong."""
    environment = {"INVOICES_DATA_DIR": str(tmp_path), "INVOICES_DATABASE__URL": database_url}
    _register(environment)
    first: dict[str, str] = {}

    wrong = {}
    with _worker(environment) as (store, worker):
        for case in cases():
            mail_id = _receive(store, case)
            worker.wait_for([mail_id])
            faults = _faults(store, case, mail_id, first)
            if faults:
                wrong[case.name] = faults

    assert wrong == {}


def _register(environment: dict[str, str]) -> None:
    known = registered()
    commands = [account_arguments(account) for account in known["account"]]
    commands += [command for partner in known["partner"] for command in partner_arguments(partner)]
    for command in commands:
        result = CliRunner().invoke(main, command, env=environment)
        assert result.exit_code == 0, result.output


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[tuple[Store, LocalWorker]]:
    settings = load(None, environment)
    store = Store.open(settings.database.url.get_secret_value())
    with LocalWorker(settings, store) as worker:
        yield store, worker
    store.close()


def _receive(store: Store, case: Case) -> str:
    envelope = making.envelope(reverse_path=case.reverse_path, forward_paths=case.forward_paths)
    digest = transfer_digest(case.octets, envelope)
    receipts = [
        add_mails(store, [making.incoming(case.octets, envelope=envelope, transfer_digest=digest)])[0]
        for _ in range(case.transfers)
    ]
    assert [receipt.duplicate for receipt in receipts] == [number > 0 for number in range(case.transfers)]
    return receipts[0].mail_id


def _faults(store: Store, case: Case, mail_id: str, first: dict[str, str]) -> list[str]:
    with store.reading() as records:
        mail = forms.full_mail_form(records, records.mails.get(mail_id))
        invoices = forms.invoice_forms(records, records.invoices.of_mails([mail_id]))
        links = [
            records.links.get(event.detail["link"]).email
            for event in records.history.of_mail(mail_id)
            if event.event is HistoryEventName.LINK_CREATED
        ]
        assert records.mails.octets(mail_id) == case.octets
    if invoices:
        first[case.name] = invoices[0]["id"]
    return differences(case, mail, invoices, links, first)
