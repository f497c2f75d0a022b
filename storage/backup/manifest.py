"""What stands in the manifest of a backup: what it was made of, and every file with its digest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

FORMAT = 1


class NotABackup(ValueError):  # noqa: N818  -- says what is the matter
    """What was named is no backup, not a whole one, or was changed since; the message says which file."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the backup. What is larger than one file goes on in the next."""

    name: str
    size: int  # octets
    sha256: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was copied."""

    name: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a store held when it was copied."""

    engine: str  # "sqlite" or "postgresql"
    schema: str  # the version
    tables: tuple[Table, ...]  # parents before their children
    elsewhere: int = 0  # mails whose octets lay outside the database and were taken along


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The last file of a backup; one without it was not finished."""

    made_at: datetime
    contents: Contents
    files: tuple[File, ...]

    def to_json(self) -> bytes:
        """As it is written into the archive."""
        form = {"format": FORMAT, "made_at": self.made_at.isoformat(), **asdict(self.contents)}
        form["files"] = [asdict(file) for file in self.files]
        return json.dumps(form, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, octets: bytes) -> Manifest:
        """Raises NotABackup."""
        try:
            form = _of_known_format(json.loads(octets))
            return cls(
                made_at=datetime.fromisoformat(form["made_at"]),
                contents=Contents(
                    engine=form["engine"],
                    schema=form["schema"],
                    tables=_tables(form["tables"]),
                    elsewhere=form.get("elsewhere", 0),
                ),
                files=tuple(File(**file) for file in form["files"]),
            )
        except NotABackup:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotABackup(f"the manifest of the backup cannot be read: {error!r}") from None


def _of_known_format(form: Any) -> Any:
    if form["format"] != FORMAT:
        raise NotABackup(
            f"the backup has format {form['format']}, this version of the program reads {FORMAT}"
        )
    return form


def _tables(forms: Sequence[dict[str, Any]]) -> tuple[Table, ...]:
    return tuple(Table(form["name"], tuple(form["columns"]), form["rows"]) for form in forms)
