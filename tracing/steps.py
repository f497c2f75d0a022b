"""The steps of a mail as the programs tell of them; while nobody listens, telling costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Fact = str | int | bool


class Step(StrEnum):
    """What is done with a mail; docs/operating.md tells each."""

    RECEIVE = "receive"
    CLAIM = "claim"
    READ = "read"
    MATCH = "match"
    RECORD = "record"
    VALIDATE = "validate"
    CALL = "call"
    SEND = "send"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that has ended, well or not; nothing of a mail's content, and no address, is in it."""

    step: Step
    mail_id: str  # of the received mail; what comes of none, such as some mails of ours, has its own id here
    began: int  # nanoseconds since 1970
    ended: int
    begins_trace: bool = False  # the first step of this mail; all others are below it
    facts: Mapping[str, Fact] = field(default_factory=dict)
    failed: str | None = None  # how, in words


Listener = Callable[[Done], None]
_listeners: list[Listener] = []


def listened_to() -> bool:
    """Whether anybody wants to know; ask before making up what to tell."""
    return bool(_listeners)


def clock() -> int:
    """Nanoseconds since 1970; 0 while nobody listens."""
    return time.time_ns() if _listeners else 0


def told(done: Done) -> None:
    """A step has ended."""
    for listener in _listeners:
        listener(done)


def listen(listener: Listener) -> None:
    """From now on `listener` is told, from whatever thread; it must be quick, and must not raise."""
    _listeners.append(listener)


def leave(listener: Listener) -> None:
    """No more."""
    _listeners.remove(listener)
