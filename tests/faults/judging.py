"""Provokes faults and looks whether each shows where an operator looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fixtures.mailbox import Failed, patiently
from tests.faults.house import House
from tests.faults.provoked import Fault, nothing


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found of one fault; None where it does not show."""

    name: str
    log: str | None
    metric: str | None
    status: str | None

    @property
    def missing(self) -> list[str]:
        """Where it does not show."""
        places = {"log": self.log, "metric": self.metric, "status": self.status}
        return [place for place, found in places.items() if found is None]


def judge(house: House, faults: Iterable[Fault]) -> Iterator[Shown]:
    """Each fault in turn; a house may have several at once."""
    for fault in faults:
        before = house.metrics() if fault.provoke is not nothing else {}
        fault.provoke(house)
        shown = Shown(fault.name, None, None, None)
        try:
            for _ in patiently(fault.name):
                shown = look(house, fault, before)
                if not shown.missing:
                    break
        except Failed:
            pass  # what is missing stands in `shown`
        yield shown


def look(house: House, fault: Fault, before: dict[str, float]) -> Shown:
    """The line of the log, the sample and the sentence, as they are now."""
    log, metric = _logged(house, fault), _counted(house, fault, before)
    if log is None or metric is None:
        return Shown(fault.name, log, metric, None)
    return Shown(fault.name, log, metric, _told(house, fault))


def _logged(house: House, fault: Fault) -> str | None:
    for event in reversed([*house.mailbox.events(fault.event), *house.of_commands(fault.event)]):
        said = " ".join(f"{name}={value}" for name, value in event.items())
        if fault.cause in said and event.get("next_step"):
            return json.dumps(event, ensure_ascii=False)
    return None


def _counted(house: House, fault: Fault, before: dict[str, float]) -> str | None:
    name, _, labels = fault.metric.partition(" ")
    for sample, value in house.metrics().items():
        if (
            sample.partition(" ")[0] == name
            and labels in sample.partition(" ")[2]
            and value > before.get(sample, 0)
        ):
            return f"{sample} {value:g}"
    return None


def _told(house: House, fault: Fault) -> str | None:
    said, wanted = house.status(), fault.status or fault.cause
    at = said.find(wanted)
    return said[max(0, at - 60) : at + 200] if at >= 0 else None
