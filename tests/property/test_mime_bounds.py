"""What a mail is taken apart into is bounded by the mail, safe to store, and complete."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from reading.mime import ParsedMail, parse_mail
from reading.mime.file_names import MAX_CHARACTERS

_LINES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=a",
        b'Content-Type: multipart/related; boundary="a b"',
        b"Content-Type: multipart/digest; boundary=b",
        b"Content-Type: multipart/mixed",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=utf-7",
        b"Content-Type: application/pdf; name*0*=utf-8''%ff; name*1=/..",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Transfer-Encoding: x-uuencode",
        b'Content-Disposition: inline; filename="=?utf-8?q?=E2=80=AE?=\x00"',
        b"Content-ID: <\xed\xa0\x80>",
        b"From: =?utf-7?q?+2AA-?= <a@b>",
        b'To: a@b, (, "',
        b"Date: Mon, 1 Jan 0001 00:00:00 +2359",
        b"Message-ID: \xff\x00",
        b"X-Invoice-Environment: \xed\xa0\x80",
        *(b"--a", b"--a--", b"--a b", b"--b", b"--b--", b"", b"", b" ", b"\r", b"\0"),
        *(b"begin 644 x", b"#86)C", b"`", b"end", b"%PDF-1.4", b"<?xml <!--", b"JVBERi0=", b"=", b"=3D="),
        b"a line of text " * 20,
    ]
)
_MAILS = st.lists(st.one_of(_LINES, st.binary(max_size=12)), max_size=40).flatmap(
    lambda lines: st.sampled_from([b"\r\n", b"\n", b"\r"]).map(lambda line_end: line_end.join(lines))
)


def _texts(mail: ParsedMail) -> list[str]:
    boxes = [text for box in (*mail.from_, *mail.to, *mail.reply_to) for text in (box.name, box.address)]
    of_leaves = [
        text for leaf in mail.leaves for text in (leaf.name, leaf.content_id or "", leaf.declared_type)
    ]
    own = [mail.subject or "", mail.message_id or "", mail.environment_sign or ""]
    return [*boxes, *of_leaves, *own, *mail.defects]


@given(_MAILS)
def test_leaves_are_bounded_and_safe(octets: bytes) -> None:
    """No octet comes twice; every text can be stored; every name once, and harmless."""
    mail = parse_mail(octets)

    assert sum(len(leaf.content) for leaf in mail.leaves) <= len(octets)
    assert all("\0" not in text and text.encode("utf-8") for text in _texts(mail) if text)
    names = [leaf.name for leaf in mail.leaves]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= MAX_CHARACTERS and name.isprintable() for name in names)
    assert not [name for name in names if set(name) & set("/\\:") or name.startswith(".")]
    assert len({leaf.path for leaf in mail.leaves}) == len(names)
    assert parse_mail(octets) == mail


@given(
    st.binary(max_size=300).map(lambda rest: b"%PDF-1.4\n" + rest),
    st.sampled_from(["mixed", "alternative", "related", "signed", "report", "x-unknown"]),
    st.sampled_from(["attachment; filename=a.pdf", "inline", "", "nonsense"]),
    st.sampled_from(["application/pdf", "text/plain", "image/png", "nonsense", "text/html; name=x"]),
    st.integers(0, 5),
)
def test_a_pdf_is_found_wherever_it_stands(
    pdf: bytes, subtype: str, disposition: str, declared: str, levels: int
) -> None:
    """In multiparts in attached mails in multiparts, octet for octet."""
    octets = f"Content-Type: {declared}\r\nContent-Transfer-Encoding: base64\r\n".encode()
    octets += f"Content-Disposition: {disposition}\r\n\r\n".encode() + base64.encodebytes(pdf)
    for level in range(levels):
        if level % 2:
            octets = b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n" + octets
        else:
            delimiter = f"--b{level}".encode()
            header = f"Content-Type: multipart/{subtype}; boundary=b{level}\r\n\r\n".encode()
            octets = header + delimiter + b"\r\n" + octets + b"\r\n" + delimiter + b"--\r\n"

    mail = parse_mail(octets)

    assert [leaf.content for leaf in mail.leaves if leaf.media_type == "application/pdf"] == [pdf]
