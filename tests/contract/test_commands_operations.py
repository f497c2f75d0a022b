"""What an operator asks of an installation: status and migrate."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.records.mails import MailState
from tests.commands import Commands, commands_on
from tests.filed_mails import file_in_quarantine, file_invoice


def test_status_counts_what_is_there(commands: Commands) -> None:
    """Also what the retention worker has still to do."""
    file_invoice(commands.url)
    file_in_quarantine(commands.url)

    status = commands.one("status")

    assert list(status) == [
        *("at", "queued", "oldest_queued_seconds", "newest_mail_at", "quarantined", "mails", "invoices"),
        *(
            "validations_waiting",
            "accounts",
            "retention_due",
            "counted_up_to",
            "retention_overdue_seconds",
            "outbox",
            "webhooks",
            "webhook_calls",
            "smtp",
            "disk",
            "attention",
        ),
        *("refused_lately", "troubles"),
    ]
    assert (status["queued"], status["oldest_queued_seconds"], status["quarantined"]) == (0, None, 1)
    assert status["mails"] == {str(MailState.FILED): 1, str(MailState.QUARANTINED): 1}
    assert status["invoices"] == {"available productive": 1}
    assert status["validations_waiting"] == 1
    assert status["accounts"] == {"registered": 1}
    assert status["disk"]["used_by_store_octets"] > 0


def test_status_may_be_watched(commands: Commands) -> None:
    """A line for each look, as long as wanted; for people the screen is drawn again."""
    file_invoice(commands.url)

    looks = commands.lines("status", "--watch", "--every", "0.1", "--times", "2")
    screen = commands.call("status", "--watch", "--every", "0.1", "--times", "2")

    assert [look["invoices"] for look in looks] == [{"available productive": 1}] * 2
    assert "mails a second came in since the last look" in screen.output


def test_status_says_what_needs_attention(commands: Commands) -> None:
    """With the next step, in the JSON and on the screen."""
    commands.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:1"
    file_in_quarantine(commands.url)

    told = commands.one("status")["attention"]
    screen = commands.call("status").output

    assert [sentence.partition(":")[0] for sentence in told] == [
        "nobody takes mail at 127.0.0.1",
        "1 in quarantine",
    ]
    assert all(sentence in screen for sentence in told)


def test_status_says_what_to_do_without_a_database(on_sqlite: Commands) -> None:
    """The first question at three in the morning is whether mail is lost; it is not."""
    on_sqlite.environment["INVOICES_DATABASE__URL"] = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"

    said = on_sqlite.refused("status")

    assert said.startswith("Error: the database does not answer: ")
    assert "keep their mail" in said
    assert "`invoices check-config`" in said


def test_every_command_says_what_to_do_without_a_database(on_sqlite: Commands) -> None:
    """A driver's "connection timeout expired" was all that an operator was told once."""
    on_sqlite.environment["INVOICES_DATABASE__URL"] = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"

    said = on_sqlite.refused("list")

    assert said.startswith("Error: ")
    assert said.endswith("; `invoices check-config` tries it and says what to do\n")


def test_watching_goes_on_without_a_database(on_sqlite: Commands) -> None:
    """Whoever starts it again has the screen open meanwhile."""
    on_sqlite.environment["INVOICES_DATABASE__URL"] = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    watching = ("status", "--watch", "--every", "0.1", "--times", "2")

    looks = on_sqlite.lines(*watching)
    screen = on_sqlite.call(*watching).output

    assert [sorted(look) for look in looks] == [["at", "attention"]] * 2
    assert looks[1]["attention"][0].startswith("the database does not answer: ")
    assert "! the database does not answer: " in screen
    assert "keep their mail" in " ".join(screen.split())


def test_the_schema_is_made_once(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run finds nothing to do."""
    commands = commands_on(database_url, tmp_path, monkeypatch)

    first, second = commands.one("migrate"), commands.one("migrate")

    assert first["before"] is None
    assert second == {"before": first["after"], "after": first["after"]}
