"""Prints docs/metrics.md: every metric with its labels, and the alerts that look at it, from the code alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from ingest import metrics

ROOT = Path(__file__).parents[1]
HEAD = """# Metrics

Everything that `/metrics` shows where `metrics.listen` is set. This page is made from the code, by
`python docs/metrics_page.py > docs/metrics.md`; [operating.md](operating.md) tells how to ask for them.

A counter begins at 0 with its program, so look at its increase. What every process of a machine sees alike (the queue,
the disk, troubles) is to be taken once: by `max`, or `min` where little is bad. The alerts are those of
[deploy/alerts.yml](../deploy/alerts.yml), each with what to do.
"""
LABELS = {
    "code": "of the reply (RFC 5321 4.2)",
    "doing": "what the database was asked for",
    "duplicate": "`true`: a transfer that was on record, `false`",
    "event": "its name in [events.md](events.md)",
    "outcome": "`recorded`, `no-invoice`, `quarantined`",
    "part": "`worker`, `portal`, `smtp` with its address",
    "quarantined": "`true`: it is not tried again by itself, `false`",
    "reason": "a stable word: of a refusal or a trouble as in [events.md](events.md); of an end `quit`, `left`, "
    "`timeout`, `errors`, `endless`, `slow`, `refused`, `tls-handshake`, `drained`, `cut-off`, `failed`",
    "stage": "the command of SMTP, `CONNECT` before any",
    "state": "of mails `queued`, `quarantined`; of our own `queued`, `held`, `sent`, `failed`, `bounced`; of webhooks "
    "`enabled`, `failing` since their last call, `disabled`; of their calls `waiting`, `delivered`, `failed`",
    "status": "what came out, as `invoices show` has it",
    "what": "`productive`, `test`, `mails`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One metric as Prometheus names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


def told() -> list[Told]:
    """All of them: what is counted, then what is asked for at each look."""
    return [*_counted(), *_asked()]


def _counted() -> Iterator[Told]:
    kinds = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase) and metric._labelvalues == ():
            kind = kinds[type(metric)]
            name = metric._name + ("_total" if kind == "counter" else "")
            yield Told(name=name, kind=kind, labels=tuple(metric._labelnames), text=metric._documentation)


def _asked() -> Iterator[Told]:
    tree = ast.parse((ROOT / "ingest/exposition.py").read_text(encoding="utf-8"))
    kinds = {"GaugeMetricFamily": "gauge", "CounterMetricFamily": "counter"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
            name, text = (str(ast.literal_eval(one)) for one in node.args[:2])
            labels = next((ast.literal_eval(one.value) for one in node.keywords if one.arg == "labels"), [])
            kind = kinds[node.func.id]
            yield Told(
                name=name + ("_total" if kind == "counter" else ""),
                kind=kind,
                labels=tuple(labels),
                text=text,
            )


def alerts() -> list[tuple[str, str]]:
    """The name of each alert and what it asks for."""
    text = (ROOT / "deploy/alerts.yml").read_text(encoding="utf-8")
    return re.findall(r"- alert: (\w+)\n\s+expr: '(.+)'", text)


def page() -> str:
    """The whole page."""
    lines = [HEAD, "| metric | labels | kind | tells | alerts |", "|---|---|---|---|---|"]
    for one in told():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rings = ", ".join(
            f"`{name}`" for name, asks in alerts() if re.search(rf"\b{one.name}(?:_bucket)?\b", asks)
        )
        lines.append(f"| `{one.name}` | {labels} | {one.kind} | {one.text} | {rings} |")
    lines += ["\n## Labels\n", "| label | is |", "|---|---|"]
    lines += [f"| `{name}` | {is_} |" for name, is_ in sorted(LABELS.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
