"""Alert rules and dashboard ask for metrics that exist, and every alert says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
EXPRESSION_WORDS = {"invoices"}  # the job's name


def _documented() -> dict[str, set[str]]:
    """Metrics as Prometheus names them, with their labels; a test holds that table to the code."""
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(invoices_\w+)` \|([^|]*)\|", page, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def _alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def _expressions() -> list[str]:
    panels = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [alert["expr"] for alert in _alerts()] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


@pytest.mark.parametrize("expression", _expressions())
def test_an_expression_asks_for_what_is_there(expression: str) -> None:
    """A misspelt metric or label is an alarm that never rings."""
    documented = _documented()

    for name, labels in re.findall(r"(invoices_\w+)(?:\{([^}]*)\})?", expression):
        metric = name.removesuffix("_bucket")
        assert metric in documented, name
        assert set(re.findall(r"(\w+)\s*(?:=|!)", labels)) <= documented[metric], expression
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        asked = {label.strip() for label in labels.split(",")} - {"le"}
        known = set().union(
            *(documented[name] for name in re.findall(r"invoices_\w+?(?=_bucket|\b)", expression))
        )
        assert asked <= known, expression


def test_every_metric_is_looked_at() -> None:
    """One that nobody shows is not missed when it stops."""
    shown = {
        name.removesuffix("_bucket")
        for expression in _expressions()
        for name in re.findall(r"invoices_\w+", expression)
    }

    assert set(_documented()) - shown == set()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    """Whoever is woken reads the summary first; the commands and log events named there exist."""
    events = (ROOT / "docs/events.md").read_text(encoding="utf-8")

    for alert in _alerts():
        assert alert["alert"].startswith("Invoices")
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "description"}
        for named in re.findall(
            r"`([a-z]+(?:-[a-z]+)+|failed|rejected)`", alert["annotations"]["description"]
        ):
            assert f"| `{named}` |" in events, named


def test_panels_do_not_lie_on_each_other() -> None:
    """Grafana would show one of them only."""
    panels = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))["panels"]

    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels}) == len(panels)
