"""SIGHUP brings changed settings into use while mail is being sent; systemd hears of each step."""

from __future__ import annotations

import signal
import smtplib
import socket
import sys
import threading
import urllib.request
from pathlib import Path

from fixtures.mailbox import INVOICES, Mailbox, patiently

TO = "rechnungen@company.example"
MAIL = b"Subject: hello\r\n\r\nhello\r\n"

# Hands its socket over as systemd does, and becomes the daemon.
ACTIVATED = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "invoices-smtp.socket"}
os.execv(sys.argv[1], sys.argv[1:])
"""


def _activated(folder: Path, file: Path) -> Mailbox:
    program = (sys.executable, "-c", ACTIVATED, INVOICES, "serve", "smtp", "worker", "--config", str(file))
    return Mailbox(folder, {"METRICS__LISTEN": "127.0.0.1:0"}, program)


def _offered_size(mailbox: Mailbox) -> str:
    with smtplib.SMTP(*mailbox.address, timeout=30) as client:
        client.ehlo()
        return client.esmtp_features["size"]


def test_a_reload_changes_settings_and_loses_nothing(tmp_path: Path) -> None:
    """Every mail that is sent meanwhile is taken, over one socket, by one process with new settings."""
    file = tmp_path / "invoices.toml"
    file.write_text("[smtp]\nmax_message_bytes = 100000\n")
    ended = threading.Event()
    taken: list[str] = []
    troubles: list[Exception] = []

    with _activated(tmp_path, file).serving() as mailbox:
        assert mailbox.daemon is not None
        process = mailbox.daemon.pid

        def send() -> None:
            while not ended.is_set():
                try:
                    taken.append(mailbox.send(MAIL + b"%d\r\n" % len(taken), [TO]))
                except Exception as error:
                    troubles.append(error)
                ended.wait(0.02)

        before = _offered_size(mailbox)
        sender = threading.Thread(target=send)
        sender.start()
        file.write_text("[smtp]\nmax_message_bytes = 200000\n")
        mailbox.daemon.send_signal(signal.SIGHUP)
        for _ in patiently("it does not start anew"):
            if len(mailbox.events("ready")) == 2 and len(taken) > 20:
                break
        after = _offered_size(mailbox)
        ended.set()
        sender.join()
        mailbox.wait_until_filed(set(taken))
        same = mailbox.daemon.pid == process and mailbox.daemon.poll() is None

    # A session that is open just then hears "421" (RFC 5321 3.8), and its sender comes again.
    later = [error for error in troubles if " 421 " in str(error)]
    known = (smtplib.SMTPException, OSError)
    cut_off = [error for error in troubles if not isinstance(error, known) and error not in later]
    refused = [error for error in troubles if isinstance(error, ConnectionRefusedError)]
    assert (before, after, same) == ("100000", "200000", True)
    assert (cut_off, refused) == ([], [])
    assert len(mailbox.events("reloading")) == 1


def test_wrong_settings_are_not_taken(tmp_path: Path) -> None:
    """A slip in the file does not stop the mailbox; the log has what is wrong with it."""
    file = tmp_path / "invoices.toml"
    file.write_text("")

    with _activated(tmp_path, file).serving() as mailbox:
        assert mailbox.daemon is not None
        file.write_text("[smtp]\nmax_mesage_bytes = 5\n")
        mailbox.daemon.send_signal(signal.SIGHUP)
        for _ in patiently("nothing is said"):
            if mailbox.events("reload-refused"):
                break
        mailbox.send(MAIL, [TO])

    [refused] = mailbox.events("reload-refused")
    assert refused["problems"] == [f"{file}: smtp.max_mesage_bytes: there is no such setting"]
    assert len(mailbox.events("ready")) == 1


def test_systemd_hears_that_it_is_ready_and_that_it_works(tmp_path: Path) -> None:
    """READY, then WATCHDOG again and again, RELOADING and READY, STOPPING in the end; HTTP says the same."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        mailbox = Mailbox(tmp_path, {"METRICS__LISTEN": "127.0.0.1:0"})
        mailbox.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "900000"}

        with mailbox.serving():
            told = [systemd.recv(100) for _ in range(4)]
            assert mailbox.daemon is not None
            mailbox.daemon.send_signal(signal.SIGHUP)
            anew = [systemd.recv(100)]
            while anew[-1] != b"READY=1":
                anew.append(systemd.recv(100))
            *_, listening = mailbox.events("metrics-listening")
            answers = [
                urllib.request.urlopen(f"http://{listening['address']}/{path}", timeout=10).status
                for path in ("healthz", "readyz")
            ]
        last = systemd.recv(100)
        while last == b"WATCHDOG=1":
            last = systemd.recv(100)

    assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert [state for state in anew if state != b"WATCHDOG=1"] == [b"RELOADING=1", b"READY=1"]
    assert last == b"STOPPING=1"
    assert answers == [200, 200]
    assert mailbox.events("probe-failed") == []
