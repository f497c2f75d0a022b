"""`invoices check-config` from outside: everything is tried, and what does not work is named."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.certificates import self_signed
from tests.commands import Commands, commands_on
from tests.name_server import name_server


def test_check_config_tries_everything(commands: Commands) -> None:
    """A line for each check; on a sound set-up all work."""
    commands.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:0"

    rows = _rows(commands)

    assert [list(row) for row in rows] == [["check", "ok", "text"]] * len(rows)
    assert {row["check"]: row["ok"] for row in rows} == dict.fromkeys(
        [
            *("settings", "data_dir", "disk", "database", "blobs.url", "clock"),
            *("reading", "validation.rules", "authentication.resolvers"),
            *("registration.link_key", "registration.base_url"),
            *("smtp.hostname", "smtp.listen", "smtp.listen_tls", "smtp.tls_certificate", "smtp.users"),
            *("lmtp.listen", "outbound.smarthost", "outbound.templates"),
            *("portal.listen", "metrics.listen", "tracing.collector"),
        ],
        True,
    )


def _rows(commands: Commands) -> list[dict[str, object]]:
    """With a port for the portal that nobody has."""
    commands.environment["INVOICES_PORTAL__LISTEN"] = "127.0.0.1:0"
    return commands.lines("check-config")


def _failing_checks(commands: Commands) -> dict[str, str]:
    commands.environment["INVOICES_PORTAL__LISTEN"] = "127.0.0.1:0"
    done = commands.call("check-config", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    failing = {row["check"]: row["text"] for row in rows if not row["ok"]}
    assert done.exit_code == (1 if failing else 0)
    return failing


def test_check_config_names_what_does_not_work(on_sqlite: Commands, tmp_path: Path) -> None:
    """Several things at once, each with its own sentence that says what to do."""
    on_sqlite.environment |= {
        "INVOICES_DATABASE__URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
        "INVOICES_SMTP__LISTEN": "192.0.2.1:8025",
        "INVOICES_SMTP__TLS_CERTIFICATE": str(tmp_path / "missing.pem"),
        "INVOICES_DATA_DIR": "/etc/hostname",
        "INVOICES_BLOBS__URL": "file:///proc/nothing",
        "INVOICES_VALIDATION__RULES": "/etc",
    }

    wrong = _failing_checks(on_sqlite)

    assert sorted(wrong) == [
        *("blobs.url", "data_dir", "database", "smtp.listen", "smtp.tls_certificate", "validation.rules")
    ]
    assert wrong["data_dir"] == "/etc/hostname is no folder; name another in data_dir"
    assert wrong["blobs.url"].startswith("/proc/nothing: No such file or directory; is it there, and may")
    assert wrong["validation.rules"] == "/etc/rule-sets.toml cannot be used: No such file or directory"
    assert "127.0.0.1" in wrong["database"]
    assert wrong["database"].endswith("start it, free its disk, or mend database.url")
    assert wrong["smtp.listen"].startswith("192.0.2.1:8025: Cannot assign requested address")
    assert str(tmp_path / "missing.pem") in wrong["smtp.tls_certificate"]
    assert wrong["smtp.tls_certificate"].endswith("name PEM files that this user may read")


def test_check_config_asks_each_resolver(on_sqlite: Commands) -> None:
    """One that the operator names has to answer, also that there is no such name."""
    with name_server({}) as (address, _):
        on_sqlite.environment["INVOICES_AUTHENTICATION__RESOLVERS"] = address
        [found] = [row for row in _rows(on_sqlite) if row["check"] == "authentication.resolvers"]
    on_sqlite.environment["INVOICES_AUTHENTICATION__RESOLVERS"] = "127.0.0.1:1"

    wrong = _failing_checks(on_sqlite)

    assert found["text"] == f"{address} answers"
    assert wrong["authentication.resolvers"].startswith("127.0.0.1:1 does not answer")


@pytest.fixture
def taken_port() -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken, f"127.0.0.1:{taken.getsockname()[1]}"


def test_check_config_is_content_beside_a_running_daemon(
    on_sqlite: Commands, taken_port: tuple[socket.socket, str]
) -> None:
    """The port is in use then, by a program that greets as SMTP does."""
    taken, address = taken_port
    on_sqlite.environment["INVOICES_SMTP__LISTEN"] = address

    def greet() -> None:
        connection, _ = taken.accept()
        with connection:
            connection.sendall(b"220 mailbox.example ESMTP\r\n")

    greeter = threading.Thread(target=greet)
    greeter.start()
    rows = {row["check"]: row["text"] for row in _rows(on_sqlite)}
    greeter.join()

    said = f'{address} is in use, by a server that says "220 mailbox.example ESMTP"'
    assert rows["smtp.listen"] == said


def test_check_config_sees_that_a_port_is_in_use_by_something_else(
    on_sqlite: Commands, taken_port: tuple[socket.socket, str]
) -> None:
    """It closes the connection without a greeting."""
    taken, address = taken_port
    on_sqlite.environment["INVOICES_SMTP__LISTEN"] = address

    def hang_up() -> None:
        taken.accept()[0].close()

    closer = threading.Thread(target=hang_up)
    closer.start()
    wrong = _failing_checks(on_sqlite)
    closer.join()

    said = f"{address} is in use by a program that does not speak SMTP: stop it, or name another address"
    assert wrong == {"smtp.listen": said}


@pytest.mark.parametrize(("days", "expired"), [(-1, True), (1, False)])
def test_check_config_sees_that_a_certificate_has_expired(
    on_sqlite: Commands, tmp_path: Path, days: int, expired: bool
) -> None:
    """Senders that check it would give up."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(self_signed(until=datetime.now(UTC) + timedelta(days=days)))
    on_sqlite.environment |= {
        "INVOICES_SMTP__TLS_CERTIFICATE": str(certificate),
        "INVOICES_SMTP__LISTEN": "127.0.0.1:0",
    }

    failing = _failing_checks(on_sqlite)

    assert list(failing) == (["smtp.tls_certificate"] if expired else [])
    assert (f"{certificate} was valid until" in failing.get("smtp.tls_certificate", "")) is expired


@pytest.mark.parametrize(
    ("setting", "value", "check", "said"),
    [
        ("REGISTRATION__BASE_URL", "http://mailbox.example", "registration.base_url", "begin with https"),
        ("REGISTRATION__BASE_URL", "https://no.invalid", "registration.base_url", "no.invalid is not known"),
        ("LMTP__LISTEN", "unix:/no-such-folder/lmtp.sock", "lmtp.listen", "/no-such-folder is not there"),
        ("LMTP__LISTEN", "unix:/etc/hostname", "lmtp.listen", "/etc/hostname is there and no socket"),
    ],
)
def test_check_config_says_what_to_do(
    on_sqlite: Commands, setting: str, value: str, check: str, said: str
) -> None:
    """Each before anybody loses time over it."""
    on_sqlite.environment |= {f"INVOICES_{setting}": value, "INVOICES_SMTP__LISTEN": "127.0.0.1:0"}

    wrong = _failing_checks(on_sqlite)

    assert list(wrong) == [check]
    assert said in wrong[check]


def test_check_config_sees_that_the_disk_is_full(
    on_sqlite: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While there is room left for what is under way."""
    on_sqlite.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:0"
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20, total=2**40))

    wrong = _failing_checks(on_sqlite)

    assert list(wrong) == ["disk"]
    assert wrong["disk"].startswith("only 0.0 GiB of 1024.0 GiB are free")


def test_check_config_sees_a_standby(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers, and would refuse every mail."""
    commands = commands_on(
        f"{postgres_url}&options=-cdefault_transaction_read_only%3Don", tmp_path, monkeypatch
    )
    commands.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:0"

    wrong = _failing_checks(commands)

    assert list(wrong) == ["database"]
    assert "it cannot be written, as a standby" in wrong["database"]


def test_check_config_sees_clocks_that_differ(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links and invoices would expire at another time than one machine says."""
    commands = commands_on(postgres_url, tmp_path, monkeypatch)
    commands.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:0"
    monkeypatch.setattr("cli.checks.state.utc_now", lambda: datetime.now(UTC) + timedelta(minutes=3))

    wrong = _failing_checks(commands)

    assert list(wrong) == ["clock"]
    assert "180 s apart from the database's clock" in wrong["clock"]


def test_check_config_sees_a_key_that_others_can_read(on_sqlite: Commands, tmp_path: Path) -> None:
    """Whoever has it can make registration links."""
    on_sqlite.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:0"
    on_sqlite.one("link", "create", "someone@company.example")
    key = tmp_path / "state" / "link.key"
    key.chmod(0o644)

    assert _failing_checks(on_sqlite) == {
        "registration.link_key": f"{key} can be read by others: give `chmod 600 {key}`"
    }


def test_check_config_tries_the_templates_of_mails(on_sqlite: Commands, tmp_path: Path) -> None:
    """One that does not work is named with what is wrong, before a mail has to wait for it."""
    folder = tmp_path / "templates"
    on_sqlite.environment["INVOICES_OUTBOUND__TEMPLATES"] = str(folder)
    assert "is no folder" in _failing_checks(on_sqlite)["outbound.templates"]

    (folder / "de").mkdir(parents=True)
    (folder / "de/code.j2").write_text(
        "{% block subject %}x{% endblock %}{% block body %}{{ cdoe }}{% endblock %}"
    )
    (folder / "de/link.j2").write_text("{% block subject %}")

    said = _failing_checks(on_sqlite)["outbound.templates"]
    assert "de/code.j2: 'cdoe' is undefined" in said
    assert "de/link.j2: " in said
