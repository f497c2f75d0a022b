"""Octets are cut into rows of PostgreSQL without being copied more than they must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.queue.copied_rows import OCTETS_OF_A_ROW, row_sized

_LENGTHS = st.one_of(st.integers(0, 3), st.integers(7_990, 8_010), st.integers(0, 40_000))


@given(st.lists(_LENGTHS, max_size=6))
def test_rows_are_full_but_the_last_however_the_octets_came(lengths: list[int]) -> None:
    """A mail comes in pieces as its network has them; a short row within it would be a page that is half empty."""
    pieces = [bytes([number + 1]) * length for number, length in enumerate(lengths)]

    rows = [bytes(row) for row in row_sized(pieces)]

    assert b"".join(rows) == b"".join(pieces)
    assert all(len(row) == OCTETS_OF_A_ROW for row in rows[:-1])
    assert len(rows) == max(1, -(-sum(lengths) // OCTETS_OF_A_ROW))


def test_a_row_within_a_piece_is_no_copy() -> None:
    """A mail of 1 MB was copied four times on its way to the server."""
    piece = bytes(3 * OCTETS_OF_A_ROW)

    assert all(isinstance(row, memoryview) and row.obj is piece for row in row_sized([piece]))
