"""Domains where anybody gets a mailbox: having one of their addresses says nothing about a company."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def _domains() -> frozenset[str]:
    text = files("storage.companies").joinpath("freemail_domains.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.split() if not line.startswith("#"))


def is_freemail(domain: str) -> bool:
    """Whether the domain (in lower case), or one above it, belongs to a provider of mailboxes for everybody."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in _domains() for start in range(len(labels) - 1))
