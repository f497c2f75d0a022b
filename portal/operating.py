"""Where an operator sits: the pages about the mailbox itself, which belong to no company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from portal.act_sentences import act_by, act_sentence
from portal.visitors import Visitor, signed_in
from portal.wired import Portal, wired
from storage.errors import NotFound
from storage.records.people import User


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSeat:
    """A person who runs this mailbox. Every operator's page asks for one."""

    who: Visitor
    user: User
    portal: Portal

    @property
    def actor(self) -> str:
        """Who this is, for what goes on record; companies read it as "the operator"."""
        return f"operator {self.user.email}"

    def values(self) -> dict[str, Any]:
        """What the templates of the operator's pages need."""
        return {
            "operator": self.user,
            "act_sentence": lambda act: act_sentence(act, self.who.language),
            "act_by": act_by,
        }


def operator_seat(
    who: Annotated[Visitor, Depends(signed_in)], portal: Annotated[Portal, Depends(wired)]
) -> OperatorSeat:
    """The seat of an operator. Raises NotFound for everybody else, as if there were no such pages."""
    if who.user is None or not who.operates:
        raise NotFound("this page is for operators")
    return OperatorSeat(who=who, user=who.user, portal=portal)
