"""Calls the commands as an operator or a script does, on a store of the test's own."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from fixtures.mailbox import INVOICES
from tests.forked import begun

Form = dict[str, Any]

# Keys of the JSON forms that several groups of commands print.
MAIL_KEYS = [
    *("mail_id", "message_id", "received_at", "outcome", "reason", "reverse_path", "forward_paths"),
    *("invoices", "state"),
]
INVOICE_KEYS = {
    *("id", "mail_id", "account", "matched_by", "environment", "state", "received_at", "expires_at"),
    *("format", "structured", "profile", "document", "attachments", "invoice_number", "issue_date"),
    *("type_code", "currency", "due_date", "buyer_reference", "order_reference", "seller", "buyer"),
    *("total_without_vat", "vat_total", "total_with_vat", "amount_due", "payee_accounts", "validation"),
    *("warnings", "sources", "match_evidence", "sender", "sender_warnings", "second_look", "duplicate_of"),
}
ADDED_INVOICE_KEYS = {"environment_reason", "deleted_at"}


@dataclass
class Commands:
    """The commands on one store; in this process, or as the program where they log."""

    environment: dict[str, str]
    url: str

    def call(self, *arguments: str) -> Result:
        """The command in this process."""
        return CliRunner(env=dict(self.environment)).invoke(main, arguments, prog_name="invoices")

    def lines(self, *arguments: str) -> list[Form]:
        """The JSON lines of a command that succeeds, and says nothing else."""
        done = self.call(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def one(self, *arguments: str) -> Form:
        """The only JSON line of a command that succeeds."""
        [line] = self.lines(*arguments)
        return line

    def refused(self, *arguments: str) -> str:
        """What a command that fails says about it, with nothing on standard output."""
        done = self.call(*arguments, "--json")
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        return done.stderr

    def misused(self, *arguments: str) -> str:
        """What a command says that was called wrongly, with nothing on standard output."""
        done = self.call(*arguments, "--json")
        assert (done.exit_code, done.stdout) == (2, ""), done.output
        return done.stderr

    def program(self, *arguments: str, status: int = 0) -> list[Form]:
        """The JSON lines of the program in a process of its own, for commands that read mails or log."""
        environment = {"PATH": os.defpath, **self.environment}
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            done = begun([INVOICES, *arguments, "--json"], environment, out, err).wait()
            assert done == status, err.read_text(encoding="utf-8")
            return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def commands_on(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands on the store at `url`, with their state in `folder` and no other setting."""
    monkeypatch.setattr("cli.front.set_up_log", lambda *_, **__: None)  # it is made for a process of its own
    for name in [name for name in os.environ if name.startswith("INVOICES_")]:
        monkeypatch.delenv(name)
    environment = {"INVOICES_DATA_DIR": str(folder / "state"), "INVOICES_DATABASE__URL": url}
    return Commands(environment, url)
