"""Sets structlog up, once a process."""

from __future__ import annotations

import logging
import sys

import structlog

from config.settings import LogSettings


def set_up_log(settings: LogSettings) -> None:
    """Logs go to standard error, so that standard output stays free for results."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    trace = [structlog.processors.format_exc_info] if settings.format == "json" else []
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
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
