"""How a stage behind filing waits when it finds nothing to do: for long, unless it is called."""

from __future__ import annotations

import threading

IDLE_SECONDS = (
    5.0  # until it looks by itself: for what other processes and machines filed, and what is due again
)


class Calls:
    """Of one stage. Each look is a question to the database, which a mailbox that gets no mail asks all night."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._called = threading.Event()

    def call(self) -> None:
        """There may be something to do; from any thread."""
        self._called.set()

    def stop(self) -> None:
        """The stage is to end; from any thread."""
        self.stopped.set()
        self._called.set()

    def wait(self, gather: float) -> None:
        """Until it is time to look: once called, after `gather` seconds more, in which others may come along."""
        if self._called.wait(IDLE_SECONDS):
            self.stopped.wait(gather)
        self._called.clear()
