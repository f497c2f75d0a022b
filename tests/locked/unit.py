"""Reads a unit of systemd (systemd.syntax(7))."""

from __future__ import annotations

import re
from pathlib import Path

UNITS = Path(__file__).parents[2] / "systemd"
Section = dict[str, list[str]]  # the values of each key; a key may stand several times


def read_unit(name: str) -> dict[str, Section]:
    """Its sections by name."""
    sections: dict[str, Section] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(heading[1], {})
            continue
        key, separator, value = line.partition("=")
        assert separator, f"{name}: {line}"
        section.setdefault(key, []).append(value)
    return sections


def is_on(service: Section, key: str) -> bool:
    """Whether a restriction that is there or not is there."""
    return service.get(key, ["no"])[-1] == "yes"
