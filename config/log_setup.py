"""Sets structlog up, once a process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import structlog

from config.next_steps import AddNextStep
from config.settings import LogSettings
from config.troubles import RememberTroubles

# sd-daemon(3): what journald takes off the beginning of a line and keeps as its PRIORITY.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class _WithPriority:
    """Writes before each line how bad it is, so that `journalctl -p warning` finds it."""

    def __init__(self, renderer: structlog.typing.Processor) -> None:
        self._renderer = renderer

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        """The line, as structlog wants it of its last processor."""
        return f"<{_PRIORITIES[method]}>" + str(self._renderer(logger, method, event))


def set_up_log(settings: LogSettings, *, troubles_in: Path | None = None) -> None:
    """Logs go to standard error, so that standard output stays free for results.

    `troubles_in` is the `data_dir` of a program whose troubles `invoices status` shall show.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    if _is_journal(sys.stderr.fileno):
        renderer = _WithPriority(renderer)
    trace = [structlog.processors.format_exc_info] if settings.format == "json" else []
    remember: list[structlog.typing.Processor] = [RememberTroubles(troubles_in)] if troubles_in else []
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            AddNextStep(),
            *remember,
            *trace,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's own; ours says the same better


def _is_journal(descriptor_of: Callable[[], int]) -> bool:
    """Whether what is written there goes to journald (systemd.exec(5), JOURNAL_STREAM), and not to a file or a pipe."""
    stream = os.environ.get("JOURNAL_STREAM")  # noqa: TID251  -- not a setting: a message of systemd
    if not stream:
        return False
    try:
        found = os.fstat(descriptor_of())
    except (OSError, ValueError):  # there is none
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"
