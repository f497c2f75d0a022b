"""The portal as a part of the running program: it answers, and it ends in good order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import uvicorn

from fixtures.mailbox import INVOICES, Mailbox
from portal.serving import run


def _asked(address: str, path: str) -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def test_the_portal_runs_beside_the_mailbox(tmp_path: Path) -> None:
    """One program takes mail, files it and shows it; told to stop, it is gone with status 0."""
    mailbox = Mailbox(tmp_path)
    mailbox.start()
    [listening] = mailbox.events("portal-listening")

    page = _asked(listening["address"], "/")

    assert _asked(listening["address"], "/readyz") == "ok\n"
    assert "<h1>" in page
    assert mailbox.stop(signal.SIGTERM) == 0


def test_the_portal_may_be_a_program_of_its_own(tmp_path: Path) -> None:
    """Then nothing listens for mail."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = os.environ | {
            "INVOICES_DATA_DIR": str(tmp_path),
            "INVOICES_PORTAL__LISTEN": f"127.0.0.1:{taken.getsockname()[1]}",
        }
        done = subprocess.run(
            [INVOICES, "serve", "portal"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert "Error: [Errno" not in done.stderr
    assert "portal.listen: 127.0.0.1:" in done.stderr


def test_no_page_waits_for_an_acknowledgement() -> None:
    """Nagle's algorithm (RFC 896) once kept each page back for 40 ms behind its own header."""
    seen: list[int] = []

    class Server(uvicorn.Server):
        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            assert sockets
            with socket.create_connection(sockets[0].getsockname()[:2]):
                accepted, _ = sockets[0].accept()
                seen.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                accepted.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        run(Server(uvicorn.Config("none:none")), listening)

    assert seen == [1]


def test_systemd_may_open_the_portals_socket(tmp_path: Path) -> None:
    """It is told from those for mail by its name."""
    program = (
        "import os, sys\n"
        "os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "from cli.main import main\n"
        "main(['serve', 'portal'])\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as opened:
        address = "{}:{}".format(*opened.getsockname())
        os.set_inheritable(opened.fileno(), True)
        environment = os.environ | {
            "INVOICES_DATA_DIR": str(tmp_path),
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "portal",
        }
        served = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{opened.fileno()}; exec {sys.executable} -c "$PROGRAM"'],
            env=environment | {"PROGRAM": program},
            pass_fds=[opened.fileno()],
            stderr=subprocess.PIPE,
        )
        try:
            answer = _asked(address, "/healthz")
        finally:
            served.send_signal(signal.SIGTERM)
            served.communicate(timeout=60)

    assert answer == "ok\n"
    assert served.returncode == 0
