"""A Postfix of its own in a folder, which relays one domain to us as the README tells."""

from __future__ import annotations

import json
import re
import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.mailbox import PATIENCE_SECONDS, patiently
from tests.peers import programs

README = Path(__file__).parents[2] / "README.md"
HOSTNAME = "mail.relay.example"
DOMAIN = "invoices.example.com"  # the one of the README
ETC_POSTFIX = "/etc/postfix"

# Loopback only, no DNS, nothing delivered anywhere but to us. What Debian's package sets by itself is set here too.
MAIN_CF = """\
compatibility_level = 3.6
smtp_tls_security_level = may
queue_directory = {folder}/queue
data_directory = {folder}/lib
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = {hostname}
mydestination =
alias_maps =
default_transport = discard
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
"""

# The fifth column says that no service runs in a chroot.
MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Relay:
    """Starts and stops a Postfix that listens on `port` and hands mail for DOMAIN to `next_hop`, both on 127.0.0.1.

    `folder` must be one that the user postfix can pass through, so pytest's own will not do.
    """

    def __init__(self, folder: Path, port: int, next_hop: int) -> None:
        self.folder = folder
        self.port = port
        self.next_hop = next_hop
        self.config = folder / "etc"

    @property
    def place(self) -> str:
        """Where it looks for us, host:port."""
        return f"127.0.0.1:{self.next_hop}"

    def start(self) -> None:
        """Writes the configuration, starts it and waits until it takes mail."""
        self._write_config()
        self._postfix("start")
        for _ in patiently("Postfix does not listen"):
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE_SECONDS):
                    return
            except OSError:
                continue

    def stop(self) -> None:
        """Ends it at once; what is in its queue is of no use to anybody."""
        self._postfix("abort")

    def send(
        self, octets: bytes, to: Sequence[str], reverse_path: str = "", options: Sequence[str] = ()
    ) -> None:
        """Hands a mail to it. Raises smtplib.SMTPException when it does not take it for every recipient."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE_SECONDS) as client:
            refused = client.sendmail(reverse_path, to, octets, mail_options=options)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)

    def send_utf8(self, octets: bytes, forward_path: str, reverse_path: str) -> None:
        """Hands a mail to it with addresses outside ASCII (RFC 6531). Raises smtplib.SMTPException."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE_SECONDS) as client:
            client.ehlo()
            client.command_encoding = "utf-8"
            replies = [
                client.mail(reverse_path, ["SMTPUTF8", "BODY=8BITMIME"]),
                client.rcpt(forward_path),
                client.data(octets),
            ]
        if any(code != 250 for code, _ in replies):
            raise smtplib.SMTPException(replies)

    @contextmanager
    def delivering_to(self, transport: str) -> Iterator[None]:
        """Meanwhile it hands the mail for DOMAIN to another place, such as lmtp:unix:/PATH."""
        table = self.config / "transport"
        before = table.read_text(encoding="utf-8")
        self._change_transport(f"{DOMAIN} {transport}\n")
        try:
            yield
        finally:
            self._change_transport(before)

    @contextmanager
    def also_delivering(self, domain: str, transport: str) -> Iterator[None]:
        """Meanwhile it hands the mail for another domain to a place such as smtp:[127.0.0.1]:2525."""
        before = (self.config / "transport").read_text(encoding="utf-8")
        self._change_transport(f"{before}\n{domain} {transport}\n")
        try:
            yield
        finally:
            self._change_transport(before)

    def _change_transport(self, lines: str) -> None:
        table = self.config / "transport"
        table.write_text(lines, encoding="utf-8")
        self._command("postmap", str(table))
        self._postfix("reload")

    def queue(self) -> list[dict[str, Any]]:
        """The mails it still has, as `postqueue -j` tells them."""
        listing = self._command("postqueue", "-j")
        return [json.loads(line) for line in listing.splitlines()]

    def wait_until_deferred(self) -> list[str]:
        """Waits until it has tried every mail of its queue; why each recipient's was not taken."""
        for _ in patiently("Postfix has not tried to deliver"):
            queue = self.queue()
            if queue and all(mail["queue_name"] == "deferred" for mail in queue):
                return [recipient["delay_reason"] for mail in queue for recipient in mail["recipients"]]
        raise AssertionError

    def wait_until_done(self) -> None:
        """Waits until it has no mail left, so each was answered 250 or refused."""
        for _ in patiently(f"Postfix still has mail: {self.log()}"):
            if not self.queue():
                return

    def flush(self) -> None:
        """Has it try everything again now (`postqueue -f`), and waits until it is done.

        Asked again from time to time: a mail that is just being put aside is not seen by the first request.
        """
        asked_at = 0.0
        for _ in patiently("Postfix does not get rid of its mail"):
            if not self.queue():
                return
            if time.monotonic() - asked_at > 2:
                self._command("postqueue", "-f")
                asked_at = time.monotonic()

    def empty(self) -> None:
        """Throws away what a failed test has left, and forgets that the next hop did not answer."""
        self._command("postsuper", "-d", "ALL")
        self._command("postqueue", "-f")

    def log(self) -> str:
        """What it logged so far."""
        return (self.folder / "maillog").read_text(encoding="utf-8")

    def _write_config(self) -> None:
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "lib"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "lib", "postfix")
        main = MAIN_CF.format(folder=self.folder, hostname=HOSTNAME)
        (self.config / "main.cf").write_text(main, encoding="utf-8")
        (self.config / "master.cf").write_text(MASTER_CF.format(port=self.port), encoding="utf-8")
        transport, settings = readme_steps(README.read_text(encoding="utf-8"))
        table = self.config / "transport"
        table.write_text(transport.replace(":8025", f":{self.next_hop}") + "\n", encoding="utf-8")
        self._command("postmap", str(table))
        own = [setting.replace(ETC_POSTFIX, str(self.config)) for setting in settings]
        self._command("postconf", "-e", *own)

    def _postfix(self, command: str) -> None:
        # Its master keeps the descriptors that it inherits, so nothing here may wait for their end.
        subprocess.run(
            [_lying("postfix"), "-c", self.config, command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )

    def _command(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [_lying(program), "-c", self.config, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stderr}"
        return done.stdout


def _lying(program: str) -> str:
    return programs.find(program) or program


def readme_steps(readme: str) -> tuple[str, list[str]]:
    """The line for Postfix's transport table, and the settings for postconf, as the README teaches them."""
    transport = re.search(r"echo '([^']+)' \| sudo tee -a /etc/postfix/transport", readme)
    settings = re.search(r"postconf -e ((?:'[^']+' ?)+)", readme)
    assert transport, (
        "README: the line for /etc/postfix/transport is not there in the form that is tried here"
    )
    assert settings, "README: postconf -e is not there in the form that is tried here"
    return transport[1], re.findall(r"'([^']+)'", settings[1])
