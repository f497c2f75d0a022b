"""A Haraka of the benchmark's own, installed by npm, whose queue is a folder of files with fsync."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.accept.dialogue import DOMAIN
from bench.wave import BenchFailed

VERSION = "3.3.4"
_INSTALL_SECONDS = 300

# A queue as durable as Postfix's: write, fsync, rename; only then 250.
_PLUGIN = """\
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const folder = {folder}

exports.hook_rcpt = (next) => next(OK)

exports.hook_queue = (next, connection) => {{
    const transaction = connection.transaction
    const temporary = path.join(folder, 'tmp', transaction.uuid)
    const failed = (error) => next(DENYSOFT, error.code || 'queue')
    fs.open(temporary, 'wx', 0o600, (error, file) => {{
        if (error) return failed(error)
        const stream = fs.createWriteStream(null, {{ fd: file, autoClose: false }})
        stream.on('error', failed)
        stream.on('finish', () => fs.fsync(file, (unsafe) => {{
            if (unsafe) return failed(unsafe)
            fs.close(file, () => fs.rename(temporary, path.join(folder, 'new', transaction.uuid), (lost) => {{
                if (lost) return failed(lost)
                next(OK)
            }}))
        }}))
        transaction.message_stream.pipe(stream)
    }})
}}
"""

_SMTP_INI = """\
listen=127.0.0.1:{port}
nodes={nodes}
"""

# Without this file 3.3.4 stumbles over its own missing sections at every connection.
_CONNECTION_INI = """\
[main]
[haproxy]
[headers]
max_lines=1000
max_received=100
[max]
bytes=50000000
mime_parts=1000
line_length=512
data_line_length=992
[message]
greeting[]=Haraka
helo=welcome
close=bye
[uuid]
banner_chars=6
deny_chars=0
"""


def install() -> Path:
    """Where Haraka lies; npm puts it there first. Raises BenchFailed saying why it cannot be had."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise BenchFailed("npm or node is missing")
    cache = Path(tempfile.gettempdir(), f"bench-haraka-{VERSION}-{os.geteuid()}")
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise BenchFailed(f"{cache} belongs to somebody else; remove it")
    start = cache / "node_modules/Haraka/bin/haraka"
    if not start.exists():
        # What it needs for taking mail has no install scripts; so none is run.
        command = [npm, "install", "--prefix", str(cache), "--ignore-scripts", "--no-audit", "--no-fund"]
        command += ["--omit=dev", "--omit=optional", "--save-exact", f"Haraka@{VERSION}"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS, cwd=cache
            )
        except subprocess.TimeoutExpired as error:
            raise BenchFailed(f"npm did not install it within {_INSTALL_SECONDS} s") from error
        if done.returncode or not start.exists():
            raise BenchFailed(f"npm could not install it: {(done.stderr.strip() or '?').splitlines()[-1]}")
    return start


class Haraka:
    """Starts it in a folder, with as many processes as there are cores."""

    def __init__(self, start: Path, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its first process, parent of the others."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it; it does not listen at once."""
        self._write_config()
        node = shutil.which("node") or "node"
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [node, self._start, "-c", self.folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def ended(self) -> str | None:
        """What it said last, when it has ended by itself."""
        if self._process is None or self._process.poll() is None:
            return None
        return (self.folder / "log").read_text(errors="replace")[-500:]

    def queued(self) -> int:
        """How many mails lie in its queue."""
        return sum(1 for _ in (self.folder / "inbox/new").iterdir())

    def stop(self) -> None:
        """Ends it; its other processes end with it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _write_config(self) -> None:
        queue, config, plugins = (self.folder / name for name in ("inbox", "config", "plugins"))
        for folder in (queue / "tmp", queue / "new", config, plugins):
            folder.mkdir(parents=True)
        quoted = "'" + str(queue).replace("\\", "\\\\").replace("'", "\\'") + "'"
        (plugins / "queue_fsync.js").write_text(_PLUGIN.format(folder=quoted))
        (config / "plugins").write_text("queue_fsync\n")
        (config / "smtp.ini").write_text(_SMTP_INI.format(port=self.port, nodes=len(os.sched_getaffinity(0))))
        (config / "connection.ini").write_text(_CONNECTION_INI)
        (config / "me").write_text(f"mx.{DOMAIN}\n")
        (config / "loglevel").write_text("WARN\n")
