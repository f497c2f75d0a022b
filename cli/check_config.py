"""`invoices check-config`: everything the settings name is tried."""

from __future__ import annotations

from collections.abc import Callable

import click

from cli.checks import mails, network, state, tls
from cli.front import EXIT_FAILED, Command, Front, pass_front
from config.settings import Settings
from storage.errors import StoreError

CHECKS: dict[str, Callable[[Settings], str]] = {
    "settings": lambda _: "every key is known and has a sound value",
    "data_dir": state.check_data_dir,
    "disk": state.check_disk,
    "database": state.check_database,
    "blobs.url": state.check_blobs,
    "clock": state.check_clock,
    "reading": state.check_reading,
    "validation.rules": state.check_validation,
    "authentication.resolvers": network.check_resolvers,
    "registration.link_key": state.check_link_key,
    "registration.base_url": network.check_base_url,
    "smtp.hostname": network.check_hostname,
    "smtp.listen": network.check_smtp,
    "smtp.listen_tls": network.check_smtp_tls,
    "smtp.tls_certificate": tls.check_certificate,
    "smtp.users": tls.check_users,
    "lmtp.listen": network.check_lmtp,
    "outbound.smarthost": network.check_smarthost,
    "outbound.templates": mails.check_templates,
    "portal.listen": network.check_portal,
    "metrics.listen": network.check_metrics,
    "tracing.collector": network.check_collector,
}


@click.command("check-config", cls=Command)
@pass_front
def check_config(front: Front) -> None:
    """Try everything the settings name, and say what to do about what does not work."""
    settings = front.settings
    rows = [_tried(name, check, settings) for name, check in CHECKS.items()]
    front.show(rows, {"check": "Check", "ok": "Works", "text": "Found"}, nothing="")
    if not all(row["ok"] for row in rows):
        click.get_current_context().exit(EXIT_FAILED)


def _tried(name: str, check: Callable[[Settings], str], settings: Settings) -> dict[str, object]:
    try:
        return {"check": name, "ok": True, "text": check(settings)}
    except (StoreError, OSError, ValueError) as error:
        return {"check": name, "ok": False, "text": str(error)}
