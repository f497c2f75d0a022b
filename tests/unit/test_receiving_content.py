"""The end of DATA and the dot-stuffing, whatever the pieces in which a mail comes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.content import ChunkedContent, DottedContent

PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"\0", b"\r\n..", b"xyz"]), max_size=40
)


def received(chunks: list[bytes]) -> tuple[bytes | None, bytes]:
    """What is left of all chunks after the end (None when there was none), and the mail."""
    decoder = DottedContent()
    mail = b""
    for number, chunk in enumerate(chunks):
        block, after = decoder.feed(chunk)
        assert not (mail.endswith(b"\r") and block.startswith(b"\n"))  # no CRLF is cut in two
        mail += block
        if after is not None:
            return after + b"".join(chunks[number + 1 :]), mail
    return None, mail


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

    assert by_the_book(stream) == received(chunks)


@given(PIECES, st.integers(1, 9))
def test_chunks_cut_no_line_end_in_two(pieces: list[bytes], step: int) -> None:
    """BDAT: the octets are those that came, and CR stands before its LF wherever the chunks end (RFC 3030)."""
    stream = b"".join(pieces)
    chunks = [stream[at : at + step] for at in range(0, len(stream), step)] or [b""]
    decoder = ChunkedContent()

    blocks = [decoder.feed(chunk, last=number == len(chunks)) for number, chunk in enumerate(chunks, start=1)]

    assert b"".join(blocks) == stream
    for before, after in pairwise(filter(None, blocks)):
        assert not (before.endswith(b"\r") and after.startswith(b"\n"))
