"""`invoices replay`: files stored mails through the same code as the daemon."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli import forms
from cli.front import EXIT_FAILED, Command, Front, cell, pass_front, utc_now
from cli.local_worker import LocalWorker
from cli.replay_trial import Trial
from cli.sources import Source, forward_paths_of, reverse_path_of, sources
from ingest.filing_settings import link_tokens
from ingest.receiving.addresses import BadPath, parse_forward_path, parse_reverse_path
from ingest.receiving.recipient_policy import recipient_verdict
from ingest.receiving.replies import Reply
from ingest.receiving.transfer_key import transfer_digest
from ingest.reception import add_mails, policy
from reading.sandbox import ReaderPool
from storage.companies.link_tokens import LinkTokens
from storage.ids import new_id
from storage.records.history import HistoryEventName
from storage.records.mails import ContentInMemory, Envelope, IncomingMail, Outcome
from storage.transaction import Transaction

MAILS_AT_ONCE = 50  # stored in one transaction
OCTETS_AT_ONCE = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class _Sent:
    """A mail that was handed in: its id, or why it was refused."""

    source: str
    mail_id: str | None = None
    duplicate: bool = False
    refusal: str | None = None


@click.command(cls=Command)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--to", "to", multiple=True, metavar="ADDR", help="Recipient; else as the mail's header says.")
@click.option("--from", "from_", metavar="ADDR", help="Reverse-path; else as the mail's header says.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each, and store nothing.")
@pass_front
def replay(
    front: Front, paths: tuple[Path, ...], to: tuple[str, ...], from_: str | None, dry_run: bool
) -> None:
    """File stored mails as if they had come in now.

    PATH is a mail (.eml), an mbox, a Maildir, or a folder of them. The same rules hold as for mail over SMTP, but
    for who may send. A mail that is on record already is a duplicate and changes nothing.
    """
    outcomes: Counter[str] = Counter()
    total = sum(1 for _ in sources(list(paths)))
    if dry_run:
        _try(front, paths, to, from_, outcomes)
    else:
        _file(front, paths, to, from_, outcomes, total)
    if not front.json:
        counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        said = f"{total} mails: {counted}." if total else "There is no mail in there."
        front.console.print(f"{said} Nothing was stored." if dry_run else said)
    if not total:
        click.get_current_context().exit(EXIT_FAILED)


def _try(
    front: Front, paths: tuple[Path, ...], to: tuple[str, ...], from_: str | None, outcomes: Counter[str]
) -> None:
    with ReaderPool(1) as readers:
        trial = Trial(front.settings, front.store, readers)
        for source in sources(list(paths)):
            mail = _incoming(front, source, to, from_)
            if isinstance(mail, str):
                row = _row(_Sent(source.name), outcome=Outcome.REJECTED, reason=mail)
            else:
                row = _row(_Sent(source.name), **trial.of(mail, utc_now()))
            outcomes[row["outcome"]] += 1
            _print(front, front.console, row)


def _file(
    front: Front,
    paths: tuple[Path, ...],
    to: tuple[str, ...],
    from_: str | None,
    outcomes: Counter[str],
    total: int,
) -> None:
    tokens = link_tokens(front.settings)
    with LocalWorker(front.settings, front.store) as worker, _progress() as progress:
        task = progress.add_task("Filing", total=total)
        for chunk in _chunks(sources(list(paths))):
            sent = _send(front, chunk, to, from_)
            new = [one.mail_id for one in sent if one.mail_id and not one.duplicate]
            progress.advance(task, len(sent) - len(new))
            worker.wait_for(new, lambda count: progress.advance(task, count))
            with front.store.reading() as records:
                rows = [_form(records, one, tokens) for one in sent]
            for row in rows:
                outcomes[row["outcome"]] += 1
                _print(front, progress.console, row)


def _progress() -> Progress:
    """A bar on standard error where that is a terminal."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def _chunks(found: Iterable[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in found:
        if chunk and (len(chunk) == MAILS_AT_ONCE or size + len(source.octets) > OCTETS_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(source)
        size += len(source.octets)
    if chunk:
        yield chunk


def _send(front: Front, chunk: list[Source], to: tuple[str, ...], from_: str | None) -> list[_Sent]:
    prepared = [_incoming(front, source, to, from_) for source in chunk]
    receipts = iter(add_mails(front.store, [one for one in prepared if isinstance(one, IncomingMail)]))
    sent = []
    for source, one in zip(chunk, prepared, strict=True):
        if isinstance(one, str):
            sent.append(_Sent(source.name, refusal=one))
        else:
            receipt = next(receipts)
            sent.append(_Sent(source.name, receipt.mail_id, receipt.duplicate))
    return sent


def _incoming(front: Front, source: Source, to: tuple[str, ...], from_: str | None) -> IncomingMail | str:
    """The mail as the listener would hand it over, or the reply with which it would refuse it."""
    limit = front.settings.smtp.max_message_bytes
    if len(source.octets) > limit:
        return Reply.TOO_LARGE.text(limit=str(limit))
    reverse_path = parse_reverse_path(f"<{reverse_path_of(source.octets) if from_ is None else from_}>")
    if isinstance(reverse_path, BadPath):
        if from_ is not None:
            return Reply.BAD_REVERSE_PATH.text(reason=reverse_path.reason)
        reverse_path = parse_reverse_path("<>")  # a stored mail may name nobody that could be answered
    forward_paths: dict[str, None] = {}
    for recipient in to or forward_paths_of(source.octets):
        path = parse_forward_path(f"<{recipient}>")
        if isinstance(path, BadPath):
            return Reply.BAD_FORWARD_PATH.text(reason=path.reason)
        refusal = asyncio.run(recipient_verdict(policy(front.settings), path.address, _known_to(front)))
        if refusal is not None:
            return refusal.text()
        forward_paths[path.address.text] = None
    envelope = Envelope(
        reverse_path="" if isinstance(reverse_path, BadPath) else reverse_path.address.text,
        forward_paths=tuple(forward_paths),
        peer=None,
        helo=None,
        tls=False,
        received_at=utc_now(),
    )
    return IncomingMail(
        id=new_id(),
        envelope=envelope,
        trace=b"",
        content=ContentInMemory(source.octets),
        transfer_digest=transfer_digest(source.octets, envelope),
    )


def _known_to(front: Front) -> Any:
    async def known(address: str) -> bool:
        with front.store.reading() as records:
            return records.accounts.is_known_recipient(address)

    return known


def _form(records: Transaction, sent: _Sent, tokens: LinkTokens) -> dict[str, Any]:
    if sent.mail_id is None:
        return _row(sent, outcome=Outcome.REJECTED, reason=sent.refusal)
    mail = records.mails.get(sent.mail_id)
    if sent.duplicate:
        return _row(
            sent, message_id=mail.message_id, outcome=Outcome.DUPLICATE, reason="is on record already"
        )
    invoices = forms.invoice_forms(records, records.invoices.of_mails([mail.id]))
    links = [
        records.links.get(event.detail["link"])
        for event in records.history.of_mail(mail.id)
        if event.event is HistoryEventName.LINK_CREATED
    ]
    return _row(
        sent,
        message_id=mail.message_id,
        outcome=mail.outcome,
        reason=mail.reason,
        account=invoices[0]["account"] if invoices else None,
        matched_by=invoices[0]["matched_by"] if invoices else None,
        invoices=invoices,
        registration_links=[
            {"url": tokens.url(link), "email": link.email, "expires_at": forms.instant(link.expires_at)}
            for link in links
        ],
    )


def _row(sent: _Sent, **fields: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"message_id": None, "mail_id": sent.mail_id, "outcome": None, "reason": None}
    nothing: dict[str, Any] = {"account": None, "matched_by": None, "invoices": [], "registration_links": []}
    return {"source": sent.source} | empty | nothing | fields


def _print(front: Front, console: Console, row: dict[str, Any]) -> None:
    if front.json:
        front.print_json(row)
        return
    to = front.console if not console.is_terminal else console
    reason = f": {cell(row['reason'])}" if row["reason"] else ""
    to.print(f"[bold]{cell(row['source'])}[/bold]  {row['outcome']}{reason}", soft_wrap=True)
    for invoice in row["invoices"]:
        number = cell(invoice["invoice_number"])
        total = f"{cell(invoice['total_with_vat'])} {cell(invoice['currency'])}"
        account = f"{cell(invoice['account']['name'])} ({invoice['matched_by']})"
        to.print(f"    invoice {number}, {total}, {invoice['environment']}, for {account}", soft_wrap=True)
    for link in row["registration_links"]:
        url = cell(link["url"]) if link["url"] else "would be made"
        to.print(f"    registration link for {cell(link['email'])}: {url}", soft_wrap=True)
