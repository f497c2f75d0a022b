"""A Postfix of the benchmark's own that delivers to a maildir on the same disk, with fsync as Debian ships it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from bench.wave import BenchFailed

_SBIN = "/usr/sbin/"
_PATIENCE_SECONDS = 120.0
_NOBODY = 65534

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/lib
maillog_file = {folder}/lib/maillog
maillog_file_prefixes = {folder}
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = mx.bench.example
mydestination =
alias_maps =
virtual_mailbox_domains = company.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 50000000
smtpd_client_connection_count_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
disable_dns_lookups = yes
in_flow_delay = 0
"""

# The fifth column says that no service runs in a chroot.
_MASTER_CF = """\
127.0.0.1:{port} inet n - n - 100 smtpd
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
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Starts it in a folder, which the user postfix must be able to pass through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()

    def start(self) -> None:
        """Starts it and waits until it takes mail. Raises BenchFailed."""
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "lib", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "lib", "postfix")
        shutil.chown(self.folder / "mail", _NOBODY, _NOBODY)
        (self.folder / "etc/main.cf").write_text(_MAIN_CF.format(folder=self.folder))
        (self.folder / "etc/master.cf").write_text(_MASTER_CF.format(port=self.port))
        self._command("start")
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise BenchFailed("Postfix does not listen")

    @property
    def pid(self) -> int:
        """Its master process."""
        return int((self.folder / "queue/pid/master.pid").read_text())

    def delivered(self) -> int:
        """How many mails lie in the maildir."""
        return sum(1 for _ in (self.folder / "mail/box/new").glob("*"))

    def wait_until_delivered(self, mails: int) -> None:
        """Waits until so many are delivered. Raises BenchFailed."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while (found := self.delivered()) < mails:
            if time.monotonic() > give_up_at:
                raise BenchFailed(f"Postfix has delivered {found} of {mails} mails it acknowledged")
            time.sleep(0.1)
        if found != mails:
            raise BenchFailed(f"Postfix has delivered {found} mails, {mails} were acknowledged")

    def stop(self) -> None:
        """Ends it."""
        self._command("stop")

    def _command(self, command: str) -> None:
        # Its master keeps the descriptors that it inherits, so nothing here may wait for their end.
        done = subprocess.run(
            [_SBIN + "postfix", "-c", self.folder / "etc", command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
        )
        if done.returncode:
            raise BenchFailed(f"postfix {command} failed with {done.returncode}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
