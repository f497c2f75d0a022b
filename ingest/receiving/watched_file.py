"""Notices when files that an operator renews have changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LOOK_EVERY_SECONDS = 5.0

_Seen = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles:
    """Some files that belong together; looked at now and then, also through symbolic links."""

    def __init__(self, paths: Iterable[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._paths = tuple(paths)
        self._clock = clock
        self._seen = self._look()
        self._look_again_at = clock() + LOOK_EVERY_SECONDS

    def changed(self) -> bool:
        """Whether any was replaced or written since the last time that this said so."""
        now = self._clock()
        if now < self._look_again_at:
            return False
        self._look_again_at = now + LOOK_EVERY_SECONDS
        seen = self._look()
        changed, self._seen = seen != self._seen, seen
        return changed

    def _look(self) -> _Seen:
        return tuple(_state(path) for path in self._paths)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
