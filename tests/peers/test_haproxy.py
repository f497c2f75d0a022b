"""HAProxy with our configuration stands before real daemons: the client's address, and nodes that go."""

from __future__ import annotations

import re
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.mailbox import PATIENCE_SECONDS, Mailbox
from tests.peers import programs

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
CLIENT = "127.0.0.77"
MAIL = b"Subject: through a balancer\r\n\r\nText.\r\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _configured(folder: Path, certificate: Path, mail: int, nodes: list[tuple[int, int]]) -> Path:
    """Our configuration with the addresses of this test in place of the examples, and nothing else changed."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    text = text.replace("bind :25\n", f"bind 127.0.0.1:{mail}\n").replace(
        "bind :443", f"bind 127.0.0.1:{_free_port()}"
    )
    text = text.replace("/etc/haproxy/portal.pem", str(certificate)).replace(" inter 2s ", " inter 200ms ")
    text = re.sub(r"    server smtp\d .*\n", "", text)
    servers = "".join(
        f"    server smtp{number} 127.0.0.1:{smtp} port {metrics}\n"
        for number, (smtp, metrics) in enumerate(nodes)
    )
    text = text.replace("\nfrontend pages", f"{servers}\nfrontend pages")
    path = folder / "haproxy.cfg"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def _running(configuration: Path, port: int) -> Iterator[None]:
    haproxy = programs.find("haproxy")
    assert haproxy
    process = subprocess.Popen(
        [haproxy, "-db", "-f", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not _greets(port):
            assert process.poll() is None
            assert time.monotonic() < give_up_at
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _greets(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5):
            return True
    except (OSError, smtplib.SMTPException):
        return False


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Mailbox]]:
    """Two nodes on one database, with what the configuration says that they need."""
    settings = {
        "DATABASE__URL": f"sqlite:///{tmp_path / 'invoices.db'}",
        "SMTP__PROXIES": "127.0.0.1/32",
        "SMTP__RELAYS": f"{CLIENT}/32",
        "METRICS__LISTEN": "127.0.0.1:0",
    }
    boxes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        boxes.append(Mailbox(tmp_path / name, settings))
    try:
        for box in boxes:
            box.start()
        yield boxes
    finally:
        for box in boxes:
            box.stop()


def _ports(box: Mailbox) -> tuple[int, int]:
    [listening] = box.events("metrics-listening")
    return box.address[1], int(listening["address"].rpartition(":")[2])


def _send(port: int, number: int) -> str:
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE_SECONDS, source_address=(CLIENT, 0)) as client:
        client.ehlo("relay.example")
        client.mail("billing@supplier.example")
        client.rcpt("invoices@company.example")
        code, text = client.data(MAIL.replace(b"Text", f"Text {number}".encode()))
    assert code == 250, text
    return text.decode().split()[-1]


def test_the_configuration_is_sound(tmp_path: Path, certificate: Path) -> None:
    """HAProxy itself says so; only the certificate is another."""
    haproxy = programs.find("haproxy")
    assert haproxy
    path = tmp_path / "haproxy.cfg"
    text = CONFIGURATION.read_text(encoding="utf-8")
    path.write_text(text.replace("/etc/haproxy/portal.pem", str(certificate)), encoding="utf-8")

    done = subprocess.run([haproxy, "-c", "-f", path], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_mail_comes_through_with_the_address_of_its_client(
    tmp_path: Path, certificate: Path, nodes: list[Mailbox]
) -> None:
    """The PROXY header names it; a node that ends takes no mail with it, and the other one goes on."""
    port = _free_port()
    ports = [_ports(box) for box in nodes]
    with _running(_configured(tmp_path, certificate, port, ports), port):
        before = [_send(port, number) for number in range(6)]
        served = [len(box.events("accepted")) for box in nodes]
        nodes[0].stop()
        after = [_send(port, number) for number in range(6, 10)]

    peers = {nodes[1].run("history", mail_id)[0]["detail"]["peer"] for mail_id in [*before, *after]}
    assert peers == {CLIENT}
    assert len({*before, *after}) == 10
    assert min(served) > 0, "both nodes take part"
