"""What happens to a cluster while mail comes in: nodes die or stand still, the store is away, a standby takes over."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.cluster.nodes import Node
from tests.cluster.postgres import Servers

_DOWN_SECONDS = 1.0  # until somebody starts a dead node anew
_LONG_PAUSE_SECONDS = 75.0  # more than the lease of a worker


@dataclass(slots=True)
class Happened:
    """What was done to the cluster."""

    kills: int = 0
    pauses: int = 0
    failovers: int = 0
    store_away: float = 0.0  # seconds
    failover_seconds: list[float] = field(default_factory=list)


class Troubles:
    """Makes trouble for `seconds`; all of it is over then, but for a node that never comes back."""

    def __init__(
        self,
        nodes: list[Node],
        servers: Servers,
        store: subprocess.Popen[bytes],
        *,
        seconds: float,
        away: float,
        calm: float,
    ) -> None:
        """`away` is how long the object store is, `calm` how long at most nothing happens."""
        self.happened = Happened()
        self._nodes = nodes
        self._servers = servers
        self._store = store
        self._seconds = seconds
        self._away = away
        self._calm = calm

    def run(self) -> None:
        """The small ones all the time, the large ones one after the other."""
        began = time.monotonic()
        large = [self._store_goes_away, self._database_fails_over, self._a_worker_never_comes_back]
        if self._seconds >= 5 * _LONG_PAUSE_SECONDS:
            large += [self._a_worker_sleeps_too_long, self._database_fails_over]
        for number, trouble in enumerate(large, start=1):
            self._small_ones(began + self._seconds * number / (len(large) + 1))
            say(f"{time.monotonic() - began:.0f} s: {trouble.__name__.strip('_').replace('_', ' ')}")
            trouble()
        self._small_ones(began + self._seconds)

    def _small_ones(self, until: float) -> None:
        while time.monotonic() < until:
            node = random.choice(self._nodes)
            if random.random() < 0.6:
                self._kill(node)
            else:
                with self._paused(node):
                    time.sleep(random.uniform(0.5, 4.0))
            time.sleep(random.uniform(self._calm / 10, self._calm))

    def _kill(self, node: Node) -> None:
        self.happened.kills += 1
        node.kill()
        time.sleep(_DOWN_SECONDS)
        node.start()

    @contextmanager
    def _paused(self, node: Node) -> Iterator[None]:
        self.happened.pauses += 1
        node.pause()
        yield
        node.go_on()

    def _store_goes_away(self) -> None:
        self._store.send_signal(signal.SIGSTOP)
        self.happened.store_away += self._away
        self._small_ones(time.monotonic() + self._away)
        self._store.send_signal(signal.SIGCONT)

    def _database_fails_over(self) -> None:
        self.happened.failovers += 1
        self.happened.failover_seconds.append(self._servers.fail_over())
        time.sleep(2.0)
        self._servers.rebuild_standby()

    def _a_worker_never_comes_back(self) -> None:
        """What it had claimed is taken over when its lease is over."""
        gone = next(node for node in self._nodes if node.part == "worker")
        self.happened.kills += 1
        gone.kill()
        self._nodes.remove(gone)

    def _a_worker_sleeps_too_long(self) -> None:
        """Others have filed its mails when it wakes up; it must notice."""
        sleeper = next(node for node in self._nodes if node.part == "worker")
        with self._paused(sleeper):
            time.sleep(_LONG_PAUSE_SECONDS)


def say(what: str) -> None:
    """What goes on."""
    print(f"  {what}", file=sys.stderr, flush=True)
