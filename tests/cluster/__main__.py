"""Many nodes, one truth: `python -m tests.cluster [--mails N] [--minutes M]`; exit status 1 when a promise was broken.

Three nodes that take mail, three that file it, two with pages, at addresses and with host names of their own;
PostgreSQL with a synchronous standby; a real S3 server. A sender with a list of its own sends MAILS in MINUTES;
meanwhile nodes are killed and paused, the store is away, the standby takes over. Needs root, for host names.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from fixtures.expectation import cases
from tests.cluster.judging import SendersList, Verdict, judged, unfiled
from tests.cluster.looking import Stretch, looking
from tests.cluster.nodes import PORT, PORTAL_PORT, Node
from tests.cluster.postgres import Servers
from tests.cluster.troubles import Happened, Troubles, say
from tests.object_store import BUCKET, running_object_store
from tests.torture.lane import free_port

_PARTS = {"smtp": 3, "worker": 3, "portal": 2}
_SESSIONS = 24
_MOST_SECONDS_AFTER = 60.0
_GIVE_UP_SECONDS = 600.0
_LONGEST_AWAY = 60.0  # the object store


def main(arguments: list[str]) -> int:
    """Runs it; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--mails", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument(
        "--calm", type=float, default=2.0, help="seconds without a kill or a pause, at most (%(default)s)"
    )
    parser.add_argument(
        "--every", type=int, default=10_000, help="mails between two looks at dead rows (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cluster-") as name, ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's files are below, and it runs as nobody
        servers = Servers(folder / "postgresql", free_port())
        running.callback(servers.stop)
        servers.start()
        environment, store = running.enter_context(running_object_store(volumes=16, volume_megabytes=1024))
        os.environ.update(environment)  # also for our own look at what lies there
        nodes = _nodes(folder, _settings(servers))
        running.callback(_end, nodes)
        return _tried(folder, nodes, servers, store, wanted)


def _tried(
    folder: Path,
    nodes: list[Node],
    servers: Servers,
    store: subprocess.Popen[bytes],
    wanted: argparse.Namespace,
) -> int:
    seconds = wanted.minutes * 60
    template = next(case.octets for case in cases() if case.name == "xrechnung-ubl")
    template = template.replace(b"WW-26-2001", b"KEY").replace(b"<xrechnung-ubl@", b"<KEY@")
    troubles = Troubles(
        list(nodes), servers, store, seconds=seconds, away=min(_LONGEST_AWAY, seconds / 5), calm=wanted.calm
    )
    with (
        _asked(nodes) as answers,
        looking(servers, wanted.every) as stretches,
        _sending(folder, template, wanted.mails, seconds) as sender,
    ):
        troubles.run()
        say("the troubles are over")
        sender.wait(_GIVE_UP_SECONDS)
    over = time.monotonic()
    while (waiting := unfiled(servers)) and time.monotonic() < over + _GIVE_UP_SECONDS:
        time.sleep(0.2)
    after = time.monotonic() - over
    _wait_for_keeper(servers)
    verdict = judged(servers, SendersList.read(folder / "list"), template)
    broken = bool(waiting) or after > _MOST_SECONDS_AFTER or not verdict.fine
    print(_told(verdict, troubles.happened, after, answers, nodes))
    print(*_looks(stretches, servers), sep="\n")
    if wanted.json:
        looks = [asdict(stretch) for stretch in stretches[1:]]
        print(json.dumps({"after": after, **asdict(troubles.happened), **asdict(verdict), "looks": looks}))
    return int(broken)


def _settings(servers: Servers) -> dict[str, str]:
    return {
        "INVOICES_DATABASE__URL": servers.url,
        "INVOICES_BLOBS__URL": f"s3://{BUCKET}/cluster",
        "INVOICES_REGISTRATION__LINK_KEY": secrets.token_hex(32),
        "INVOICES_AUTHENTICATION__RESOLVERS": "",
        "INVOICES_VALIDATION__MODE": "off",  # it comes after filing, and takes more than all else together
    }


def _nodes(folder: Path, settings: dict[str, str]) -> list[Node]:
    made = [
        Node(part, f"127.0.0.{31 + 10 * index + number}", folder / f"{part}-{number}", settings)
        for index, (part, count) in enumerate(_PARTS.items())
        for number in range(count)
    ]
    for node in made:
        node.start(wait=False)
    for node in made:
        node.wait_until_ready()
    return made


def _end(nodes: list[Node]) -> None:
    for node in nodes:
        if node.process is not None:
            node.go_on()
            node.stop()


@contextmanager
def _sending(folder: Path, template: bytes, mails: int, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "list").touch()
    (folder / "template.eml").write_bytes(template)
    command = [sys.executable, "-m", "tests.cluster.sender", folder / "list", folder / "template.eml"]
    command += [str(_SESSIONS), str(mails), str(mails / seconds)]
    command += [f"127.0.0.{31 + number}:{PORT}" for number in range(_PARTS["smtp"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as sender:
        try:
            yield sender
        finally:
            assert sender.stdin is not None
            sender.stdin.close()
            sender.wait()


@contextmanager
def _asked(nodes: list[Node]) -> Iterator[Counter[str]]:
    """Asks every portal for its page twice a second; how often each answered, and did not."""
    answers: Counter[str] = Counter()
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.5):
            for node in nodes:
                if node.part == "portal":
                    answers[f"{node.name} {_answer(node)}"] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    yield answers
    over.set()
    asking.join()


def _answer(node: Node) -> str:
    try:
        with urllib.request.urlopen(f"http://{node.address}:{PORTAL_PORT}/sign-in", timeout=5) as page:
            return str(page.status)
    except OSError as error:
        return str(getattr(error, "code", "away"))


def _wait_for_keeper(servers: Servers) -> None:
    """Octets go to the store after filing, when there is time."""
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    with servers.connect() as connection:
        while connection.execute("SELECT 1 FROM mail_octets LIMIT 1").fetchone():
            if time.monotonic() > give_up_at:
                return
            time.sleep(0.5)


def _told(
    verdict: Verdict, happened: Happened, after: float, answers: Counter[str], nodes: list[Node]
) -> str:
    lost_claims = sum(len(node.events("lost-claim")) for node in nodes if node.part == "worker")
    failovers = ", ".join(f"{seconds:.1f} s" for seconds in happened.failover_seconds)
    mails = (
        f"{verdict.acknowledged:,} mails acknowledged: {verdict.lost} lost, {verdict.twice} twice,"
        f" {verdict.never_sent} never sent, {verdict.quarantined} quarantined,"
        f" {verdict.changed} of {verdict.read_again:,} changed; all recorded {after:.1f} s after the last one"
    )
    troubles = (
        f"{happened.kills} kills, {happened.pauses} pauses, {happened.failovers} failovers ({failovers}),"
        f" store away {happened.store_away:.0f} s, {lost_claims} claims lost;"
        f" slowest mail {verdict.slowest:.1f} s"
    )
    rest = f"pages: {dict(sorted(answers.items()))}; octets still in the database: {verdict.in_database}"
    return "\n".join([mails, troubles, rest, *verdict.refused[:5]])


def _looks(stretches: list[Stretch], servers: Servers) -> Iterator[str]:
    for before, stretch in itertools.pairwise(stretches):
        yield stretch.told(before)
    yield f"waits for a lock of a second and more, in the log of PostgreSQL: {servers.long_waits()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
