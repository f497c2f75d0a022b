"""Prints docs/events.md: every event of the log, what it means, what it holds and what to do, from the code alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.next_steps import next_steps
from ingest.receiving.replies import Reply

ROOT = Path(__file__).parents[1]
LEVELS = ("debug", "info", "warning", "error", "critical")
# The files that tell events, and whose they are.
TELLERS = {
    "Taking and filing mail": "ingest/mail_log.py",
    "Mails that we send, programs that we call": "outbound/send_log.py",
    "The portal": "portal/portal_log.py",
    "Retention": "retention/worker.py",
}
HEAD = """# Events of the log

Every event that the programs log. This page is made from the code, by `python docs/events_page.py > docs/events.md`;
[operating.md](operating.md) tells how to follow one mail through them, [runbook.md](runbook.md) goes by what you see.

A line is one JSON object: `event`, `level`, `timestamp`, what the third column names, and `next_step` where the last
one says something; after a bug also `exception`. None holds anything of a mail's content, a secret or a password.
"""
FIELDS = {
    "addresses": "where connections are taken",
    "address": "HOST:PORT",
    "again_in": "seconds until the next try",
    "attempts": "how often it was tried",
    "cause": "in words, with the numbers of now",
    "certificate": "its file",
    "collector": "its address",
    "delivery": "id of one call of a webhook",
    "doing": "what the database was asked for",
    "duplicate": "true: this transfer was on record",
    "error": "in the words of what failed",
    "failures": "how often in all",
    "findings": "their number",
    "incident": "what the sender or the visitor was told; to be searched for",
    "invoice": "its id",
    "invoice_tombstones": "tombstones of invoices that went",
    "invoices": "their ids",
    "links": "registration links: made, or gone",
    "mail": "id of the received mail",
    "mail_tombstones": "tombstones of mails that went",
    "mails": "their number",
    "method": "of HTTP",
    "milliseconds": "how long it took",
    "octets": "their number",
    "outcome": "`recorded`, `no-invoice` or `quarantined`",
    "outgoing": "id of a mail of ours",
    "part": "`worker`, `portal`, `smtp` with its address",
    "parts": "what this program runs",
    "peer": "IP address of the client, null on a Unix socket",
    "problems": "each wrong key or file, in words",
    "process": "its number",
    "productive": "productive invoices that were deleted",
    "quarantined": "true: it is not tried again by itself",
    "reason": "a stable word, or a sentence",
    "recipients": "their number",
    "reply": "the line of SMTP, or what became of a call",
    "reverse_path": "of the envelope (RFC 5321)",
    "route": "the pattern of the address, without what was filled in",
    "session": "id of a client's connection",
    "signal": "its name",
    "size": "octets",
    "stage": "the command of SMTP",
    "status": "what came out, or the exit status of a process",
    "template": "of the mail",
    "test": "test invoices that were deleted",
    "told": "the event that the program was called for",
    "tries": "how often in all",
    "webhook": "its id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as its function tells it."""

    name: str
    level: str
    means: str
    fields: tuple[str, ...]


def events(file: str) -> Iterator[Event]:
    """Those of one file, in its order. Raises ValueError for one that no function of its own with a docstring tells."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        calls = [node for node in ast.walk(function) if _is_told(node)]
        if len(calls) > 1 or (calls and not ast.get_docstring(function)):
            raise ValueError(f"{file}: {function.name} has to tell one event, and to say what it means")
        for call in calls:
            assert isinstance(call, ast.Call)  # noqa: S101  -- _is_told
            yield Event(
                name=str(ast.literal_eval(call.args[0])),
                level=call.func.attr if isinstance(call.func, ast.Attribute) else "",
                means=" ".join((ast.get_docstring(function) or "").split("\n\n")[0].split()),
                fields=tuple(_fields(call, tree)),
            )


def _is_told(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "_log"
    )


def _fields(call: ast.Call, tree: ast.Module) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is None:
            yield from _spread(keyword.value, tree)
        elif keyword.arg != "exc_info":
            yield keyword.arg


def _spread(value: ast.expr, tree: ast.Module) -> Iterator[str]:
    """What `**value` adds: the keys of a function's dictionary, or the fields of a dataclass of the same file."""
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            dictionary = next(one for one in ast.walk(node) if isinstance(one, ast.Dict))
            yield from (str(ast.literal_eval(key)) for key in dictionary.keys if key is not None)
        elif isinstance(node, ast.ClassDef) and node.name.lower() in names:
            for one in node.body:
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                    yield one.target.id


def page() -> str:
    """The whole page."""
    steps, refusals = next_steps()["events"], next_steps()["refusals"]
    lines = [HEAD]
    for title, file in TELLERS.items():
        lines += [f"## {title}\n", "| event | level | holds | means | to do |", "|---|---|---|---|---|"]
        for one in events(file):
            holds = ", ".join(f"`{field}`" for field in one.fields)
            to_do = steps.get(one.name, "")
            if one.name == "rejected":
                to_do = "by its `reason`, below"
            lines.append(f"| `{one.name}` | {one.level} | {holds} | {one.means} | {_sentence(to_do)} |")
        lines.append("")
    lines += [
        "## Reasons of `rejected`\n",
        "What a client gets and may read in its own log. Those that a setting or a record of ours can mend say how.\n",
        "| `reason` | reply | to do |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{reply.label}` | `{reply.pattern}` | {_sentence(refusals.get(reply.label, ''))} |"
        for reply in Reply
        if reply.code >= 400
    ]
    lines += ["\n## What they hold\n", "| name | is |", "|---|---|"]
    lines += [f"| `{name}` | {is_} |" for name, is_ in sorted(FIELDS.items())]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return text if text.startswith("systemd") else text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.stdout.write(page())
