"""What happens in the portal, told to the log: one function per event, and nothing of an invoice in any."""

from __future__ import annotations

import structlog

_log = structlog.get_logger("invoices")


def listening(address: str) -> None:
    """The portal serves its pages at `address`."""
    _log.info("portal-listening", address=address)


def failed(incident: str, method: str, route: str, error: Exception) -> None:
    """A page of `route` could not be shown; its visitor was told the `incident`."""
    _log.error(
        "portal-failed",
        incident=incident,
        method=method,
        route=route,
        error=type(error).__name__,
        exc_info=error,
    )


def unavailable(incident: str, method: str, route: str, error: Exception) -> None:
    """The database, or every reader of documents, had no answer for a page of `route`; its visitor was told the
    `incident`, and to try again.
    """
    _log.warning("portal-unavailable", incident=incident, method=method, route=route, error=str(error))
