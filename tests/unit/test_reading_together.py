"""Several mails in one message: each comes out as it went in, and what is cut off is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reading.together import joined, parts_of


@given(st.lists(st.binary(max_size=20)))
def test_each_part_comes_out_as_it_went_in(parts: list[bytes]) -> None:
    """An octet that went to the mail beside would be in the wrong company's invoice."""
    assert list(parts_of(joined(b"R", parts), 1)) == parts


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_what_is_cut_off_is_noticed(cut: int) -> None:
    """A process that was killed while it wrote, or that is no longer in its right mind."""
    message = joined(b"", [b"one", b"two"])

    with pytest.raises(ValueError, match="cut off"):
        list(parts_of(message[:-cut], 0))
