"""The command `invoices`."""

from __future__ import annotations

import click

from cli import claims as _claims  # noqa: F401  -- adds its commands to `account`
from cli.account import account
from cli.backup import backup, restore
from cli.check_config import check_config
from cli.export import export
from cli.front import Group
from cli.hold import hold
from cli.init import init
from cli.invoice import download, explain, history, list_, show
from cli.link import link
from cli.mail import mail
from cli.move import move
from cli.operations import migrate, serve
from cli.outbound import outbound
from cli.partner import partner
from cli.quarantine import quarantine
from cli.release import release
from cli.replay import replay
from cli.reread import requeue, reread
from cli.retention import retention
from cli.revalidate import revalidate
from cli.status import status
from cli.user import user
from cli.verify import verify


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for command in (
    *(serve, replay, mail, list_, show, history, explain, download, account, partner, link, outbound),
    *(quarantine, release, retention, hold, verify, export, user, migrate, move, check_config, status),
    *(backup, restore, reread, requeue, revalidate, init),
):
    main.add_command(command)
