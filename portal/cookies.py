"""The cookies of the portal: every one with the same attributes, here and nowhere else."""

from __future__ import annotations

from fastapi import Response

from portal.wired import Portal


def bound_name(portal: Portal, name: str) -> str:
    """The name of a cookie that is a secret; where that can be, a prefix binds it to this host and to https."""
    return f"__Host-{name}" if portal.secure and not portal.prefix else name


def give(response: Response, portal: Portal, name: str, value: str, *, seconds: int | None = None) -> None:
    """Gives the browser a cookie that no script sees, and that no other site's form brings along.

    `seconds`: how long it is kept; None until the browser is closed.
    """
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=portal.prefix or "/",
        secure=portal.secure,
        httponly=True,
        samesite="lax",
    )


def take(response: Response, portal: Portal, name: str) -> None:
    """Takes a cookie away; browsers want the same attributes for that."""
    response.delete_cookie(
        name,
        path=portal.prefix or "/",
        secure=portal.secure,
        httponly=True,
        samesite="lax",
    )
