"""Several processes take mail in: all of it is filed once, and the death of one of them costs nobody a mail."""

from __future__ import annotations

import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from cli.front import utc_now
from fixtures.mailbox import INVOICES, Mailbox, patiently
from ingest.receiving.users import password_line
from tests.certificates import self_signed

TWO = {"SMTP__PROCESSES": "2"}
TO = ["several@firm.example"]

# `-c` gives spawned processes nothing to import, so what they are told to run is set to a function that fails.
_ALWAYS_DYING = """
import os
from ingest import receivers
receivers.receive = os._exit
from cli.main import main
main(["serve", "smtp"])
"""


def _send_all(mailbox: Mailbox, numbers: range) -> set[str]:
    """Sends mails from some threads, each again until it is acknowledged, as a mail server does; their ids."""

    def send(number: int) -> str:
        for _ in patiently(f"mail {number} is not taken"):
            try:
                return mailbox.send(b"Subject: %d\r\n\r\nhello\r\n" % number, TO)
            except (OSError, smtplib.SMTPException):
                continue
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(send, numbers))


def _receivers(mailbox: Mailbox) -> list[int]:
    """The processes that hold a listening socket beside the parent."""
    assert mailbox.daemon is not None
    children = Path(f"/proc/{mailbox.daemon.pid}/task/{mailbox.daemon.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.usefixtures("tables")
def test_two_processes_share_the_mail(tmp_path: Path, database_url: str) -> None:
    """Each mail is on record once, whichever process took it; SIGTERM ends all of them with status 0."""
    mailbox = Mailbox(tmp_path, TWO | {"DATABASE__URL": database_url})
    mailbox.start()

    sent = _send_all(mailbox, range(60))
    filed = mailbox.wait_until_filed(sent)
    receivers = _receivers(mailbox)
    status = mailbox.stop()

    assert len(receivers) == 2
    assert set(filed) == sent
    assert len(sent) == 60
    assert status == 0
    assert not any(Path(f"/proc/{receiver}").exists() for receiver in receivers)


def test_a_receiver_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """What its clients were not told about they send again; the parent logs the death."""
    mailbox = Mailbox(tmp_path, TWO)
    with mailbox.serving():
        before = _receivers(mailbox)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(_send_all, mailbox, range(100))
            time.sleep(0.2)
            os.kill(before[0], signal.SIGKILL)
            sent = sending.result()
        filed = mailbox.wait_until_filed(sent)
        for _ in patiently("no process took its place"):
            after = _receivers(mailbox)
            if len(after) == 2:
                break

    assert set(filed) == sent
    assert before[1] in after
    assert before[0] not in after
    assert [event["status"] for event in mailbox.events("receiver-died")] == [-signal.SIGKILL]


def _sockets(process: int) -> int:
    """How many a process has open."""
    descriptors = Path(f"/proc/{process}/fd").iterdir()
    return sum(str(one.readlink()).startswith("socket:") for one in descriptors)


def test_few_sessions_share_the_first_process_also_after_another_one_died(tmp_path: Path) -> None:
    """The death of any took the steering away, and the first process never knew that it had to set it anew."""
    mailbox = Mailbox(tmp_path, TWO)
    with mailbox.serving(), ExitStack() as clients:
        first, second = _receivers(mailbox)
        os.kill(second, signal.SIGKILL)
        for _ in patiently("no process took its place"):
            if len(_receivers(mailbox)) == 2 and second not in _receivers(mailbox):
                break
        before = _sockets(first)
        for _ in range(8):
            clients.enter_context(smtplib.SMTP(*mailbox.address))

        assert _sockets(first) - before == 8


@pytest.mark.parametrize("number", [signal.SIGKILL])
def test_receivers_end_when_their_parent_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    """None is left behind that takes mail which nobody files, or holds the port."""
    mailbox = Mailbox(tmp_path, TWO)
    mailbox.start()
    receivers = _receivers(mailbox)

    mailbox.stop(number)

    for _ in patiently("a receiver outlives its parent"):
        if not any(Path(f"/proc/{receiver}").exists() for receiver in receivers):
            break


def test_sigterm_ends_a_start_that_never_succeeds(tmp_path: Path) -> None:
    """Processes that died at once kept their parent waiting for them, deaf to SIGTERM and holding the port."""
    mailbox = Mailbox(tmp_path, TWO)
    mailbox.program = [sys.executable, "-c", _ALWAYS_DYING]
    with mailbox.log.open("wb") as stream:
        daemon = subprocess.Popen(mailbox.program, env=mailbox.environment, stderr=stream)
    for _ in patiently("no receiver has died"):
        if mailbox.log.exists() and mailbox.events("receiver-died"):
            break

    daemon.send_signal(signal.SIGTERM)

    assert daemon.wait(30) == 0


def test_lmtp_on_a_unix_socket(tmp_path: Path) -> None:
    """A mail server on the same machine delivers; each recipient has a reply, and the socket goes with the daemon."""
    path = tmp_path / "lmtp.sock"
    mailbox = Mailbox(tmp_path, TWO | {"LMTP__LISTEN": f"unix:{path}"})
    with mailbox.serving():
        client = smtplib.LMTP(str(path), port=0)
        refused = client.sendmail("a@x.example", ["b@y.example", "c@y.example"], b"Subject: x\r\n\r\nx\r\n")
        client.quit()
        mode = path.stat().st_mode & 0o777

    assert refused == {}
    assert mode == 0o660
    assert not path.exists()


def _new_receivers(mailbox: Mailbox, before: Iterable[int]) -> list[int]:
    for _ in patiently("no process took their place"):
        found = _receivers(mailbox)
        if len(found) == 2 and not set(found) & set(before):
            return found
    raise AssertionError


def _signs_in(mailbox: Mailbox) -> bool:
    """Whether a mail server can say STARTTLS and AUTH."""
    try:
        with smtplib.SMTP(*mailbox.address, timeout=30) as client:
            client.starttls()
            return client.login("relay", "secret")[0] == 235
    except (OSError, smtplib.SMTPException):
        return False


def test_receivers_start_anew_while_certificate_and_users_are_broken(tmp_path: Path) -> None:
    """A slip in a file, and then a receiver dies: it went round in circles until somebody mended the file."""
    certificate, users = tmp_path / "certificate.pem", tmp_path / "users"
    certificate.write_bytes(self_signed(until=utc_now() + timedelta(days=60)))
    users.write_text(password_line("relay", "secret") + "\n")
    files = {"SMTP__TLS_CERTIFICATE": str(certificate), "SMTP__USERS": str(users)}
    with Mailbox(tmp_path, TWO | files).serving() as mailbox:
        assert mailbox.daemon is not None
        before = _receivers(mailbox)
        certificate.write_text("no certificate")
        users.write_text("relay:no hash\n")
        for one in before:
            os.kill(one, signal.SIGKILL)
        _new_receivers(mailbox, before)
        for _ in patiently("nobody can sign in"):
            if _signs_in(mailbox):
                break
        mailbox.daemon.send_signal(signal.SIGHUP)  # would end the program by the same files
        for _ in patiently("the reload is not refused"):
            if mailbox.events("reload-refused"):
                break
        sent = mailbox.send(b"Subject: hello\r\n\r\nhello\r\n", TO)
        filed = mailbox.wait_until_filed({sent})

    assert set(filed) == {sent}
    assert mailbox.events("certificate-broken")
    assert mailbox.events("users-broken")
    assert len(mailbox.events("receiver-died")) == 2


def test_a_second_program_on_the_same_port_is_refused(tmp_path: Path) -> None:
    """The port is shared among the processes of one program; a second one took half of the mail, unnoticed."""
    with Mailbox(tmp_path, TWO).serving() as mailbox:
        second = subprocess.run(
            [INVOICES, "serve", "smtp"],
            env=mailbox.environment | {"INVOICES_SMTP__LISTEN": mailbox.place},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert second.returncode == 1
    assert f"cannot listen on {mailbox.place}" in second.stderr


def test_a_broken_certificate_ends_the_start(tmp_path: Path) -> None:
    """With several processes each of them died of it, again and again, and nobody was told."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("no certificate")
    mailbox = Mailbox(tmp_path, TWO | {"SMTP__TLS_CERTIFICATE": str(certificate)})

    done = subprocess.run(
        mailbox.program, env=mailbox.environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "smtp.tls_certificate: " in done.stderr
    assert str(certificate) in done.stderr
