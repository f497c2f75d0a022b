"""The command `invoices`."""

from __future__ import annotations

import click

from cli.front import LazyGroup

# Each is imported when it is called: those of an operator need no mail server, and the other way round.
PLACES = {
    **dict.fromkeys(("serve", "migrate"), "cli.operations"),
    "replay": "cli.replay",
    "mail": "cli.mail",
    **dict.fromkeys(("list", "show", "history", "explain", "download"), "cli.invoice"),
    "account": "cli.claims",  # which adds its commands to those of cli.account
    "partner": "cli.partner",
    "link": "cli.link",
    "outbound": "cli.outbound",
    "operator": "cli.operator",
    "person": "cli.person",
    "webhook": "cli.webhook",
    "quarantine": "cli.quarantine",
    "release": "cli.release",
    "retention": "cli.retention",
    "hold": "cli.hold",
    "verify": "cli.verify",
    "export": "cli.export",
    "import": "cli.importing",
    "user": "cli.user",
    "move": "cli.move",
    "check-config": "cli.check_config",
    "status": "cli.status",
    **dict.fromkeys(("backup", "restore"), "cli.backup"),
    **dict.fromkeys(("reread", "requeue"), "cli.reread"),
    "revalidate": "cli.revalidate",
    "init": "cli.init",
}


@click.group(
    cls=LazyGroup,
    places=PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="invoices-mailbox", prog_name="invoices")
def main() -> None:
    """The inbound invoice mailbox.

    Takes invoice mails over SMTP, files each invoice under the right company account, keeps its history, makes
    registration links for companies that are not registered yet, and deletes what has expired. It is no archive.

    \b
    A first look:
      invoices account add "Company Ltd" --address invoices@company.example
      invoices replay mails/ --to invoices@company.example
      invoices list
      invoices serve                     take mail and file it, until stopped
    """
