"""Whatever the octets, a mail is taken apart without an error, in the same way each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fixtures.expectation import cases
from reading.mime import parse_mail
from reading.mime.file_names import MAX_CHARACTERS

_FRAGMENTS = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/plain; charset=\0\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename*=utf-8''%ff%00.pdf\r\n",
        b"Subject: =?x?q?=?=\r\n",
        b"From: <<a@b>,\r\n",
        b"Date: x\r\n",
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"--b",
            b"--b--",
            b"--b\r\n",
            b"begin 644 x\r\n",
            b"%PDF-",
            b"<?xml",
            b"\0",
            b"\xff",
        ),
    ]
)
_SAMPLES = st.sampled_from([case.octets for case in cases()])


@given(st.one_of(st.binary(), st.lists(st.one_of(_FRAGMENTS, st.binary(max_size=20))).map(b"".join)))
def test_any_octets_are_taken_apart(octets: bytes) -> None:
    """No error; safe and unique names; every path once; the same result again."""
    mail = parse_mail(octets)

    names = [leaf.name.casefold() for leaf in mail.leaves]
    assert len(set(names)) == len(names)
    assert all(
        name and len(name) <= MAX_CHARACTERS + 10 and not set(name) & set("/\\\0\r\n") for name in names
    )
    assert len({leaf.path for leaf in mail.leaves}) == len(mail.leaves)
    assert parse_mail(octets) == mail


@given(_SAMPLES, st.data())
def test_a_damaged_sample_is_taken_apart(octets: bytes, data: st.DataObject) -> None:
    """A piece cut out, doubled, or overwritten anywhere."""
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, min(len(octets), start + 2000)))
    filling = data.draw(st.sampled_from([b"", octets[start:end] * 2, b"\0" * (end - start), b"\r\n\r\n"]))

    mail = parse_mail(octets[:start] + filling + octets[end:])

    assert mail.leaves
