"""What happens in the portal, told to the log: one function per event, and nothing of an invoice in any."""

from __future__ import annotations

import structlog

_log = structlog.get_logger("invoices")


def listening(address: str) -> None:
    """The pages are served."""
    _log.info("portal-listening", address=address)


def failed(incident: str, method: str, route: str, error: Exception) -> None:
    """A page could not be shown; the visitor was told the incident."""
    _log.error(
        "portal-failed",
        incident=incident,
        method=method,
        route=route,
        error=type(error).__name__,
        exc_info=error,
    )
