"""What to do about a trouble: adds the next step to its line in the log."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from structlog.typing import EventDict

REFUSED = "rejected"  # the event of mail that was refused; its next step goes by the reason


@cache
def next_steps() -> dict[str, dict[str, str]]:
    """The sentences of next_steps.toml: `events` by the event, `refusals` by the reason."""
    return tomllib.loads(files("config").joinpath("next_steps.toml").read_text(encoding="utf-8"))


class AddNextStep:
    """A processor of structlog."""

    def __init__(self) -> None:
        self._events, self._refusals = next_steps()["events"], next_steps()["refusals"]

    def __call__(self, _: Any, __: str, event: EventDict) -> EventDict:
        """`next_step`, where there is one; it goes before what an error left behind."""
        name = event["event"]
        step = self._refusals.get(event.get("reason", "")) if name == REFUSED else self._events.get(name)
        if step is not None:
            event["next_step"] = step
        return event
