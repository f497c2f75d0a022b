"""What was encrypted comes back whole, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.blobs.sealing import CHUNK_OCTETS, MasterKey, NotSealed, new_key, seal, unseal

MAIL, OTHER = "mail-1", "mail-2"
KEY, OTHER_KEY = new_key(), new_key()
# Around the borders of chunks, where mistakes are.
SIZES = st.sampled_from(
    [0, 1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1, 2 * CHUNK_OCTETS, 3 * CHUNK_OCTETS + 7]
)


def _octets(size: int) -> bytes:
    return (b"Rechnung R-4711 " * (size // 16 + 1))[:size]


@given(size=SIZES)
def test_it_comes_back_as_it_was_and_shows_nothing_meanwhile(size: int) -> None:
    """Also when it is done twice, by two workers that move the same mail: both write the same."""
    octets = _octets(size)

    sealed = seal(KEY, MAIL, octets)

    assert unseal(KEY, MAIL, sealed) == octets
    assert b"R-4711" not in sealed
    assert seal(KEY, MAIL, octets) == sealed


@given(size=SIZES, where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_octet_can_be_changed(size: int, where: float, bit: int) -> None:
    """Whoever can write to the bucket cannot change an invoice unnoticed."""
    sealed = bytearray(seal(KEY, MAIL, _octets(size)))
    sealed[int(where * len(sealed))] ^= 1 << bit

    with pytest.raises(NotSealed):
        unseal(KEY, MAIL, bytes(sealed))


@given(size=SIZES, cut=st.integers(1, 2 * CHUNK_OCTETS))
def test_nothing_can_be_cut_off_or_hung_on(size: int, cut: int) -> None:
    """Not even whole chunks."""
    sealed = seal(KEY, MAIL, _octets(size))
    chunk = CHUNK_OCTETS + 16

    for changed in (sealed[:-cut], sealed + sealed[-cut:], sealed[:-chunk], sealed + sealed[-chunk:]):
        with pytest.raises(NotSealed):
            unseal(KEY, MAIL, changed)


def test_chunks_cannot_change_places() -> None:
    """Each is bound to its place."""
    sealed = seal(KEY, MAIL, bytes(CHUNK_OCTETS) + bytes([1]) * CHUNK_OCTETS + b"end")
    mark, chunk = len(sealed) - 2 * (CHUNK_OCTETS + 16) - 19, CHUNK_OCTETS + 16
    first, second = sealed[mark : mark + chunk], sealed[mark + chunk : mark + 2 * chunk]

    with pytest.raises(NotSealed):
        unseal(KEY, MAIL, sealed[:mark] + second + first + sealed[mark + 2 * chunk :])


def test_it_is_for_one_mail_and_one_key() -> None:
    """An object of another mail in its place is noticed."""
    sealed = seal(KEY, MAIL, b"x")

    for key, mail in ((KEY, OTHER), (OTHER_KEY, MAIL)):
        with pytest.raises(NotSealed):
            unseal(key, mail, sealed)
    assert MasterKey(KEY).unwrap(MAIL, MasterKey(KEY).wrap(MAIL, OTHER_KEY)) == OTHER_KEY
