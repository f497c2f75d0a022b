"""Sends what came from strangers so that no browser runs it: as a file, or in a frame that may do nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

IN_MEMORY_OCTETS = 1024 * 1024
PIECE_OCTETS = 64 * 1024
NOTHING = "default-src 'none'; sandbox"
# Browsers show a PDF with a viewer of their own, which a sandbox would keep from starting.
PDF_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
READABLE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"


def attached(pieces: Iterable[bytes], name: str, media_type: str) -> Response:
    """A file to keep; browsers do not show it."""
    return StreamingResponse(
        pieces,
        media_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": NOTHING,
        },
    )


def stored(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, taken at once and given out as fast as they are wanted.

    So no transaction stays open for a slow network, and no large file stays in memory.
    """
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_OCTETS)  # noqa: SIM115  -- closed by _given
    for piece in pieces:
        spool.write(piece)
    spool.seek(0)
    return _given(spool)


def _given(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while piece := spool.read(PIECE_OCTETS):
            yield piece


def shown_pdf(octets: bytes) -> Response:
    """A PDF in the browser's own viewer, inside a frame of ours."""
    return Response(
        octets,
        media_type="application/pdf",
        headers={"Content-Disposition": "inline", "Content-Security-Policy": PDF_VIEWER},
    )


def shown_readable(html: bytes) -> Response:
    """A rendering of ours of what a document says, inside a frame that may do nothing."""
    return Response(
        html, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": READABLE}
    )
