"""Sets structlog up, once a process."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import structlog

from config.next_steps import AddNextStep
from config.settings import LogSettings
from config.troubles import RememberTroubles


def set_up_log(settings: LogSettings, *, troubles_in: Path | None = None) -> None:
    """Logs go to standard error, so that standard output stays free for results.

    `troubles_in` is the `data_dir` of a program whose troubles `invoices status` shall show.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
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
