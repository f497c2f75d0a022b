"""The limits of a mail's content, and its digest, whatever the pieces in which it comes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.arriving import ArrivingMail, BareLineEnds, ContentLimits
from ingest.receiving.replies import Reply
from ingest.receiving.transfer_key import TransferDigest, transfer_digest
from tests import making

LINES = [
    b"Received: from a by relay.example; now\r\n",
    b"Received: from b\r\n\tby relay.example\r\n",
    b"Return-Path: <x@y>\r\n",
    b"Subject: s\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\n",
    b"text\r\n",
    b"bare\nline",
    b"X: " + b"y" * 70_000 + b"\r\n",
]


def arriving(**limits: Any) -> ArrivingMail:
    """A mail without limits that matter, unless given."""
    envelope = making.envelope()
    digest = TransferDigest(envelope.reverse_path, envelope.forward_paths)
    return ArrivingMail(ContentLimits(**({"max_octets": 10**6} | limits)), digest)


def fed(mail: ArrivingMail, stream: bytes, step: int) -> bytes:
    """What is kept of a stream that comes in pieces which cut no CRLF in two."""
    kept, at = b"", 0
    while at < len(stream):
        end = at + step
        if stream[end - 1 : end + 1] == b"\r\n":
            end += 1
        kept += mail.add(stream[at:end])
        at = end
    return kept


@given(
    st.tuples(st.lists(st.integers(0, len(LINES) - 2), max_size=12), st.integers(1, 50))
    | st.tuples(st.lists(st.integers(0, len(LINES) - 1), max_size=4), st.integers(500, 70_000))
)
def test_the_digest_does_not_depend_on_the_pieces(case: tuple[list[int], int]) -> None:
    """It is that of the whole mail, also where a relay wrote trace fields at its top."""
    lines, step = case
    stream = b"".join(LINES[line] for line in lines)
    mail = arriving()

    kept = fed(mail, stream, step)

    assert kept == stream
    assert mail.transfer_digest() == transfer_digest(stream, making.envelope())
    assert mail.refusal is None


@given(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 7))
def test_line_limit_in_any_pieces(lengths: list[int], step: int) -> None:
    """A line of the limit is taken, one octet more is not, and the pieces do not matter."""
    mail = arriving(max_line_octets=8)

    fed(mail, b"".join(b"x" * length + b"\r\n" for length in lengths), step)

    too_long = any(length > 8 for length in lengths)
    assert mail.refusal == ((Reply.CONTENT_LINE_TOO_LONG, "8") if too_long else None)


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_one_chunk_with_many_lines_is_measured(step: int) -> None:
    """A long line is found between short ones, at the beginning, in the middle and at the end."""
    for before, after in ((0, 50), (25, 25), (50, 0)):
        mail = arriving(max_line_octets=8)

        fed(mail, b"ab\r\n" * before + b"x" * 9 + b"\r\n" + b"ab\r\n" * after, step)

        assert mail.refusal == (Reply.CONTENT_LINE_TOO_LONG, "8")


def test_bare_cr_and_lf_end_no_line() -> None:
    """A line is what stands between two CRLF (RFC 5321 2.3.8)."""
    mail = arriving(max_line_octets=8)

    mail.add(b"abc\nabc\rabc\r\n")

    assert mail.refusal == (Reply.CONTENT_LINE_TOO_LONG, "8")


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_size_limit(step: int) -> None:
    """A mail of the limit is kept, one octet more is counted and not kept."""
    for length, refusal in ((98, None), (99, (Reply.TOO_LARGE, "100"))):
        mail = arriving(max_octets=100)

        kept = fed(mail, b"x" * length + b"\r\n", step)

        assert mail.refusal == refusal
        assert mail.size == length + 2
        assert refusal or len(kept) == 100


def test_an_endless_mail_is_known_as_one() -> None:
    """Reading on makes no sense once twice the limit has come."""
    mail = arriving(max_octets=100)

    mail.add(b"x" * 200)
    before = mail.endless
    mail.add(b"x")

    assert not before
    assert mail.endless


@pytest.mark.parametrize("step", [1, 13, 100_000])
def test_header_limit(step: int) -> None:
    """The header section is bounded; a long body, or a mail without a header, is none of its business."""
    limit = {"max_header_octets": 50}
    field = b"Subject: x\r\n"

    too_large, fits, headless = arriving(**limit), arriving(**limit), arriving(**limit)
    fed(too_large, field * 5, step)
    fed(fits, field * 4 + b"\r\n" + b"y" * 500, step)
    fed(headless, b"y" * 500, step)

    assert too_large.refusal == (Reply.HEADER_TOO_LARGE, "50")
    assert fits.refusal is None
    assert headless.refusal is None


@pytest.mark.parametrize(("hops", "refused"), [(100, False), (101, True)])
def test_a_loop_is_known_by_its_received_fields(hops: int, refused: bool) -> None:
    """More than a hundred servers are a loop (RFC 5321 6.3); those in the text of a bounce are not counted."""
    mail = arriving()

    mail.add(b"RECEIVED: from a by b\r\n\twith x\r\n" * hops + b"\r\n" + b"Received: from a\r\n" * 500)
    mail.transfer_digest()

    assert mail.refusal == ((Reply.TOO_MANY_HOPS, "100") if refused else None)


@pytest.mark.parametrize("step", [1, 2, 1000])
@pytest.mark.parametrize(
    ("rule", "kept", "refusal"),
    [
        (BareLineEnds.KEEP, b"a\nb\rc\r\n", None),
        (BareLineEnds.NORMALISE, b"a\r\nb\r\nc\r\n", None),
        (BareLineEnds.REFUSE, None, (Reply.BARE_LINE_END, "")),
    ],
)
def test_bare_line_ends(
    rule: BareLineEnds, kept: bytes | None, refusal: tuple[Reply, str] | None, step: int
) -> None:
    """A CR or LF that stands alone is kept, made CRLF, or refused, as the operator set it."""
    mail = arriving(bare_line_ends=rule)

    taken = fed(mail, b"a\nb\rc\r\n", step)

    assert mail.refusal == refusal
    assert kept is None or taken == kept
    assert mail.normalised is (rule is BareLineEnds.NORMALISE)
