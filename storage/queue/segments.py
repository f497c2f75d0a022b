"""Keeps which files the log of large mails beside SQLite has, and what in them is free again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage.blobs.octet_log import Extent


class Segments:
    """The files by name, straight to the driver as their mails come in; each call is a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self) -> list[str]:
        """The newest first."""
        rows = self._connection.execute("SELECT id FROM octet_segment ORDER BY id DESC")
        return [row[0] for row in rows]

    def claim(self, name: str) -> int:
        """Where the last place in a segment ends, durably: no transaction that failed before can come back.

        A commit that failed may lie in SQLite's journal all the same, and would count after a crash; the write
        here takes its place.
        """
        self._connection.execute(
            "INSERT INTO octet_segment (id, claims) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET claims = claims + 1",
            (name,),
        )
        [used] = self._connection.execute(
            "SELECT coalesce(max(position + size), 0) FROM mail_extent WHERE segment_id = ?", (name,)
        ).fetchone()
        return int(used)

    def add(self, name: str) -> None:
        """Makes a new segment known before there is a file of it."""
        self._connection.execute("INSERT INTO octet_segment (id, claims) VALUES (?, 0)", (name,))

    def forget(self, places: Sequence[Extent]) -> None:
        """Places that are erased are no longer known."""
        for place in places:
            self._connection.execute(
                "DELETE FROM mail_extent WHERE segment_id = ? AND position = ? AND mail_id IS NULL",
                (place.segment, place.position),
            )
