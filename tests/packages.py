"""Which packages are the product's, as pyproject.toml has them built into the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path


def our_packages() -> tuple[str, ...]:
    """Their names, sorted."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return tuple(sorted(found))
