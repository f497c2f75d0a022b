"""A mailbox is brought to a newer version the way the package does it, and whoever sends meanwhile notices a pause."""

from __future__ import annotations

import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fixtures.mailbox import INVOICES, Mailbox, patiently
from tests.contract.test_upgrade import _made_by_the_first_release as made_by_the_first_release

TO = ["rechnungen@company.example"]

# Takes over the socket that systemd would hold, and becomes the daemon.
TAKES_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "invoices-smtp.socket"}
os.execv(sys.argv[2], sys.argv[2:])
"""


class _Senders:
    """Mail servers that send one mail after the other, and keep what was not taken."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self.taken: set[str] = set()
        self.troubles: list[Exception] = []
        self._ended = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """They send inside the block."""
        threads = [threading.Thread(target=self._send, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self) -> None:
        """Until mail is taken again."""
        before = len(self.taken)
        for _ in patiently("no mail is taken"):
            if len(self.taken) > before + 5:
                return

    def _send(self, sender: int) -> None:
        number = 0
        while not self._ended.wait(0.02):
            number += 1
            content = f"Subject: {sender}/{number}\r\n\r\nhello\r\n".encode()
            try:
                self.taken.add(self._mailbox.send(content, TO))
            except Exception as error:
                self.troubles.append(error)


def _run(mailbox: Mailbox, listening: socket.socket) -> None:
    """The daemon on the socket that is held; it may find that it cannot work yet."""
    became = (str(INVOICES), "serve", "smtp", "worker")
    command = [sys.executable, "-c", TAKES_OVER, str(listening.fileno()), *became]
    mailbox.log.unlink(missing_ok=True)
    with mailbox.log.open("wb") as stream:
        mailbox.daemon = subprocess.Popen(
            command, env=mailbox.environment, stderr=stream, pass_fds=[listening.fileno()]
        )


def test_senders_wait_while_the_mailbox_is_brought_to_a_newer_version(tmp_path: Path) -> None:
    """The new program says what it needs and ends, the schema is migrated, it starts: no mail is lost or refused."""
    mailbox = Mailbox(tmp_path)
    made_by_the_first_release(f"sqlite:///{tmp_path / 'invoices.db'}")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        mailbox.address = listening.getsockname()
        senders = _Senders(mailbox)
        try:
            with senders.sending():
                _run(mailbox, listening)
                assert mailbox.daemon is not None
                too_early = mailbox.daemon.wait(60)
                told = mailbox.log.read_text()
                mailbox.run("migrate")
                _run(mailbox, listening)
                senders.wait_for_more()
                stopped = mailbox.stop(signal.SIGTERM)
                mailbox.run("migrate")
                _run(mailbox, listening)
                senders.wait_for_more()
            mails = mailbox.wait_until_filed(senders.taken | {"old"})
        finally:
            mailbox.stop()

    refused = [
        error
        for error in senders.troubles
        if isinstance(error, ConnectionRefusedError)
        or (isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500)
    ]
    assert (too_early, stopped, refused) == (1, 0, [])
    assert "run `invoices migrate`" in told
    assert senders.taken <= mails.keys()
