"""A worker that dies of a bug of ours ends the program, so that systemd starts both again."""

from __future__ import annotations

import sys
from pathlib import Path

from fixtures.mailbox import Mailbox
from tests.crash.test_sigkill import DRIVER


def test_serve_ends_with_status_1_when_its_worker_died(tmp_path: Path) -> None:
    """It once ended with 0, and `Restart=on-failure` would have left the mailbox without a worker for good."""
    mailbox = Mailbox(tmp_path, program=[sys.executable, str(DRIVER), "a bug in the worker"])
    mailbox.start()
    assert mailbox.daemon is not None

    status = mailbox.daemon.wait(30)

    assert status == 1
    assert len(mailbox.events("worker-died")) == 1
    assert "Error: the worker died of RuntimeError('a bug')" in mailbox.log.read_text()
