"""Tells the history of an invoice to the people of its company, in their language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal import wording
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.people import Language


@dataclass(frozen=True, slots=True)
class Told:
    """One event as people read it."""

    at: datetime
    sentence: str
    by: str


def told(events: Iterable[HistoryEvent], language: Language, *, names_operators: bool = False) -> list[Told]:
    """A sentence for each event, in their order; companies read who runs the mailbox as "the operator"."""

    def by(event: HistoryEvent) -> str:
        kind, _, name = event.actor.partition(" ")
        return name if names_operators and kind == "operator" and name else actor(event.actor, language)

    return [Told(event.at, _sentence(event, language), by(event)) for event in events]


def actor(name: str, language: Language) -> str:
    """Who did it: a person by the address, a program or the operator in words."""
    kind, _, rest = name.partition(" ")
    if kind == "user":
        return rest
    if kind == "program":
        return wording.say(language, "actor.program", name=rest)
    key = f"actor.{kind}"
    return wording.say(language, key) if key in wording.texts() else name


def _sentence(event: HistoryEvent, language: Language) -> str:
    detail = event.detail
    values: dict[str, str] = {
        "size": "?",
        "invoices": "1",
        "to": "",
        **detail,
        "actor": actor(event.actor, language),
    }
    if "expires_at" in detail:
        values["expires_at"] = _day(detail["expires_at"], language)
    match event.event:
        case HistoryEventName.MATCHED:
            values["why"] = _text(language, f"rule.{detail.get('rule', '')}", detail.get("rule", ""))
        case HistoryEventName.RECORDED:
            kind = detail.get("environment", "")
            values["environment"] = _text(language, f"environment.{kind}", kind)
            sentence = wording.say(language, f"event.{event.event}", **values)
            sign = detail.get("reason")
            return f"{sentence} {_text(language, f'sign.{sign}', '')}".strip() if sign else sentence
        case HistoryEventName.VALIDATED:
            status = detail.get("status", "")
            values["verdict"] = _text(language, f"validation.{status}", status)
        case _:
            pass
    return wording.say(language, f"event.{event.event}", **values)


def _text(language: Language, key: str, otherwise: str) -> str:
    return wording.say(language, key) if key in wording.texts() else otherwise


def _day(text: str, language: Language) -> str:
    try:
        return wording.day(language, datetime.fromisoformat(text))
    except ValueError:
        return text[:10]
