"""The end of DATA and the dot-stuffing, whatever the pieces in which a mail comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.content import Content

PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"\0", b"\r\n..", b"xyz"]), max_size=40
)


def new_content(**limits: int) -> Content:
    """A content without limits that matter, unless given."""
    return Content(**({"max_octets": 10**6, "max_line_octets": 10**6, "allowance": 10**6} | limits))


def received(chunks: list[bytes], content: Content) -> bytes | None:
    """Feed until the end; what is left of all chunks after it, None when there was no end."""
    for number, chunk in enumerate(chunks):
        after = content.feed(chunk)
        if after is not None:
            return after + b"".join(chunks[number + 1 :])
    return None


def by_the_book(stream: bytes) -> tuple[bytes | None, bytes]:
    """RFC 5321 4.5.2, line by line: the rest after the end (None without one), and the mail so far."""
    lines: list[bytes] = []
    rest = stream
    while b"\r\n" in rest:
        line, _, rest = rest.partition(b"\r\n")
        if line == b".":
            return rest, b"".join(lines)
        lines.append(line.removeprefix(b".") + b"\r\n")
    return None, b"".join(lines)


@given(PIECES, st.data())
def test_any_stream_in_any_pieces(pieces: list[bytes], cuts: st.DataObject) -> None:
    """The result is that of the rule applied line by line, wherever the stream is cut."""
    stream = b"".join(pieces) + b"\r\n.\r\nQUIT\r\n"
    places = sorted(cuts.draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    content = new_content()

    rest = received(chunks, content)

    assert by_the_book(stream) == (rest, content.octets())
    assert content.size == len(content.octets())


@given(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 7))
def test_line_limit_in_any_pieces(lengths: list[int], step: int) -> None:
    """A line of the limit is taken, one octet more is not, and the pieces do not matter."""
    stream = b"".join(b"x" * length + b"\r\n" for length in lengths) + b".\r\n"
    content = new_content(max_line_octets=8)

    rest = received([stream[at : at + step] for at in range(0, len(stream), step)], content)

    assert rest == b""
    assert content.line_too_long is any(length > 8 for length in lengths)


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_one_chunk_with_many_lines_is_measured(step: int) -> None:
    """A long line is found between short ones, at the beginning, in the middle and at the end."""
    for before, after in ((0, 50), (25, 25), (50, 0)):
        stream = b"ab\r\n" * before + b"x" * 9 + b"\r\n" + b"ab\r\n" * after + b".\r\n"
        content = new_content(max_line_octets=8)

        received([stream[at : at + step] for at in range(0, len(stream), step)], content)

        assert content.line_too_long


def test_bare_cr_and_lf_end_no_line() -> None:
    """A line is what stands between two CRLF (RFC 5321 2.3.8)."""
    content = new_content(max_line_octets=8)

    content.feed(b"abc\nabc\rabc\r\n.\r\n")

    assert content.line_too_long


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_size_limit(step: int) -> None:
    """A mail of the limit is kept, one octet more is counted and not kept."""
    for length, too_large in ((98, False), (99, True)):
        stream = b"x" * length + b"\r\n.\r\n"
        content = new_content(max_octets=100)

        received([stream[at : at + step] for at in range(0, len(stream), step)], content)

        assert too_large is content.too_large
        assert length + 2 == content.size
        assert (0 if too_large else 100) == len(content.octets())


def test_exhaustion() -> None:
    """Reading on makes no sense once the allowance is used up too."""
    content = new_content(max_octets=100, allowance=50)

    content.feed(b"x" * 150)
    before = content.exhausted
    content.feed(b"x")

    assert not before
    assert content.exhausted
    assert content.octets() == b""


def test_a_long_line_costs_the_content_but_not_the_count() -> None:
    """After a line too long the size still tells whether the mail is too large as well."""
    content = new_content(max_octets=100, max_line_octets=8, allowance=10**6)

    content.feed(b"x" * 9)
    content.feed(b"\r\n" + b"y\r\n" * 100 + b".\r\n")

    assert content.line_too_long
    assert content.too_large
    assert content.octets() == b""
