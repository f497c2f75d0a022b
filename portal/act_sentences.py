"""Tells what was decided, in the language of whoever reads it."""

from __future__ import annotations

from portal import wording
from storage.records.acts import Act, ActName
from storage.records.people import Language


def act_sentence(act: Act, language: Language) -> str:
    """One act as a sentence."""
    detail = dict(act.detail)
    rooms = {
        ActName.PARTNER_TRUST: "partners",
        ActName.PARTNER_ENVIRONMENT: "environment",
        ActName.POLICY_CHANGED: "policy",
    }
    if room := rooms.get(act.name):
        detail |= {key: wording.say(language, f"{room}.{detail[key]}") for key in ("from", "to")}
    sentence = wording.say(language, f"act.{act.name}", **detail)
    if "accepted" in detail:
        sentence += " " + wording.say(language, "acts.accepted", accepted=detail["accepted"])
    return sentence


def act_by(act: Act) -> str:
    """Who decided, without the kind of actor."""
    return act.actor.partition(" ")[2] or act.actor
