"""Every leaf part of a mail is found, whatever its sender did to the structure."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from reading.mime import MAX_DEPTH, Leaf, ParsedMail, parse_mail
from storage.records.reading import Mailbox, PartRole

PDF = b"%PDF-1.7 not much of one\n"
XML = b'<?xml version="1.0"?><Invoice/>'


def _mail(*lines: str | bytes) -> ParsedMail:
    octets = [line.encode() if isinstance(line, str) else line for line in lines]
    return parse_mail(b"\r\n".join(octets) + b"\r\n")


def _multipart(*parts: str, boundary: str = "b") -> ParsedMail:
    return _mail(
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        *(f"--{boundary}\r\n{part}" for part in parts),
        f"--{boundary}--",
    )


def _part(content: bytes, *fields: str) -> str:
    header = "\r\n".join([*fields, "Content-Transfer-Encoding: base64"])
    return f"{header}\r\n\r\n{base64.encodebytes(content).decode()}"


def _seen(mail: ParsedMail) -> list[tuple[str, str, PartRole]]:
    return [(leaf.path, leaf.media_type, leaf.role) for leaf in mail.leaves]


def test_text_and_attachments_have_their_roles() -> None:
    """The usual mail: a text in two forms with a logo, and a document."""
    mail = _mail(
        "Content-Type: multipart/mixed; boundary=m",
        "",
        "--m",
        "Content-Type: multipart/related; boundary=r",
        "",
        "--r",
        "Content-Type: multipart/alternative; boundary=a",
        "",
        "--a",
        "Content-Type: text/plain",
        "",
        "hello",
        "--a",
        "Content-Type: text/html",
        "",
        "<p>hello</p>",
        "--a--",
        "--r",
        _part(b"\x89PNG\r\n\x1a\n", "Content-Type: image/png", "Content-ID: <logo@x>"),
        "--r--",
        "--m",
        _part(PDF, "Content-Type: application/pdf", "Content-Disposition: attachment; filename=r.pdf"),
        "--m--",
    )

    assert _seen(mail) == [
        ("1.1.1", "text/plain", PartRole.BODY),
        ("1.1.2", "text/html", PartRole.BODY),
        ("1.2", "image/png", PartRole.INLINE),
        ("2", "application/pdf", PartRole.ATTACHMENT),
    ]
    assert [leaf.content for leaf in mail.leaves][0::3] == [b"hello", PDF]


@pytest.mark.parametrize(
    "fields",
    [
        ("Content-Type: application/pdf", "Content-Disposition: inline"),
        ("Content-Type: application/octet-stream",),
        ("Content-Type: image/png",),
        ("Content-Type: text/plain",),
        ("Content-Type: nonsense",),
        ("X-Nothing: here",),
        ("Content-Type: application/pdf", "Content-ID: <inline@x>", "Content-Disposition: inline"),
    ],
)
def test_a_pdf_is_an_attachment_whatever_it_is_called(fields: tuple[str, ...]) -> None:
    """Nameless, inline, under a wrong type: parsers that go by the rules lose it in silence."""
    mail = _multipart(_part(PDF, *fields))

    [leaf] = mail.leaves
    assert (leaf.media_type, leaf.role, leaf.content) == ("application/pdf", PartRole.ATTACHMENT, PDF)
    assert leaf.name == "part-1.pdf"


def test_a_whole_mail_may_be_one_document() -> None:
    """No text, no multipart: the body is the PDF."""
    mail = _mail("Subject: invoice", "Content-Type: application/pdf", "", PDF)

    assert _seen(mail) == [("1", "application/pdf", PartRole.ATTACHMENT)]


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_an_attached_mail_is_taken_apart(encoding: str) -> None:
    """Also where it is encoded, which RFC 2046 5.2.1 forbids and senders do."""
    inner = b"Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\ntext\r\n--i\r\n"
    inner += _part(PDF, "Content-Type: application/pdf").encode() + b"--i--\r\n"
    content = {
        "8bit": inner,
        "base64": base64.encodebytes(inner),
        "quoted-printable": inner.replace(b"=", b"=3D"),
    }[encoding]
    mail = _multipart(
        f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content.decode()}"
    )

    assert _seen(mail) == [
        ("1/1", "text/plain", PartRole.BODY),
        ("1/2", "application/pdf", PartRole.ATTACHMENT),
    ]


def test_parts_behind_the_closing_delimiter_count() -> None:
    """A gateway appended one there."""
    mail = _mail(
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b\r\n\r\ntext",
        "--b--",
        "--b",
        _part(PDF, "Content-Type: application/pdf"),
    )

    assert [leaf.media_type for leaf in mail.leaves] == ["text/plain", "application/pdf"]


@pytest.mark.parametrize(
    "declared",
    [
        'boundary="long\r\n boundary"',
        'boundary="long boundary"',
        'boundary="long boundary"  ; type="text/html"',
        'boundary*0=long;\r\n boundary*1=" boundary"',
    ],
)
def test_a_boundary_may_be_folded(declared: str) -> None:
    """Over lines, in quotes, in pieces (RFC 2231)."""
    mail = _mail(
        f"Content-Type: multipart/mixed;\r\n {declared}",
        "",
        "--long boundary\r\n\r\ntext",
        "--long boundary--",
    )

    assert [leaf.content for leaf in mail.leaves] == [b"text"]


def test_a_missing_closing_delimiter_costs_nothing() -> None:
    """The mail was cut off."""
    mail = _mail(
        "Content-Type: multipart/mixed; boundary=b", "", "--b", _part(PDF, "Content-Type: application/pdf")
    )

    assert [leaf.content for leaf in mail.leaves] == [PDF]


def test_a_multipart_without_its_boundary_is_kept_in_one_piece() -> None:
    """Unclassified, with a defect that says why."""
    mail = _mail("Content-Type: multipart/mixed; boundary=b", "", "whatever", "this is")

    assert _seen(mail) == [("1", "multipart/mixed", PartRole.UNCLASSIFIED)]
    assert mail.leaves[0].content == b"whatever\r\nthis is\r\n"
    assert mail.defects == ("a multipart has no boundary that occurs in it",)


def test_a_delimiter_ends_a_header_without_an_empty_line() -> None:
    """The sender forgot it; the first part once went into the header, and its document with it."""
    mail = _mail(
        "Content-Type: multipart/mixed; boundary=b", "--b", "Content-Type: application/pdf", "", PDF, "--b--"
    )

    assert _seen(mail) == [("1", "application/pdf", PartRole.ATTACHMENT)]


def test_a_multipart_without_parts_is_kept_in_one_piece() -> None:
    """Only its closing delimiter is there."""
    mail = _mail("Content-Type: multipart/mixed; boundary=b", "", "x", "--b--", "y")

    assert [leaf.content for leaf in mail.leaves] == [b"x\r\n--b--\r\ny\r\n"]


def test_text_outside_the_parts_is_kept_when_it_is_more_than_a_greeting() -> None:
    """A preamble may hide a document; "This is a multi-part message" does not."""
    long = "hidden " * 40
    mail = _mail("Content-Type: multipart/mixed; boundary=b", "", long, "--b\r\n\r\ntext", "--b--", long)
    usual = _mail(
        "Content-Type: multipart/mixed; boundary=b", "", "This is MIME.", "--b\r\n\r\ntext", "--b--"
    )

    assert [leaf.role for leaf in mail.leaves] == [
        PartRole.UNCLASSIFIED,
        PartRole.BODY,
        PartRole.UNCLASSIFIED,
    ]
    assert [leaf.role for leaf in usual.leaves] == [PartRole.BODY]


@pytest.mark.parametrize(
    ("content", "encoding", "octets"),
    [
        ("SGVs!bG8=\r\n=SGVsbG8", "base64", b"HelloHello"),
        ("SGVsbG8", "BASE64", b"Hello"),
        ("SGVsbG", "base64", b"Hell"),
        ("a=3D=\r\nb", "Quoted-Printable", b"a=b"),
        ("begin 644 x\r\n%2&5L;&\\\r\n`\r\nend", "x-uuencode", b"Hello"),
        ("as it is", "x-unknown", b"as it is"),
    ],
)
def test_transfer_encodings_are_undone_however_carelessly_made(
    content: str, encoding: str, octets: bytes
) -> None:
    """Junk in base64, missing padding, two runs of it, unknown names."""
    mail = _multipart(
        f"Content-Type: application/x\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content}"
    )

    assert [leaf.content for leaf in mail.leaves] == [octets]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('Content-Disposition: attachment; filename="=?utf-8?B?UmVjaG51bmcgw6QucGRm?="', "Rechnung ä.pdf"),
        ("Content-Disposition: attachment; filename*=utf-8''Rechnung%20%C3%A4.pdf", "Rechnung ä.pdf"),
        ("Content-Disposition: attachment; filename*0=Rech; filename*1=nung.pdf", "Rechnung.pdf"),
        ('Content-Type: application/pdf; name="r.pdf"', "r.pdf"),
        ('Content-Disposition: attachment; filename="Rechnung ä.pdf"', "Rechnung ä.pdf"),
        ('Content-Disposition: attachment; filename="../../etc/passwd"', "passwd"),
        ('Content-Disposition: attachment; filename="C:\\\\x\\\\r.pdf"', "r.pdf"),
        ('Content-Disposition: attachment; filename="fdp.\u202etnemucod.exe"', "fdp.tnemucod.exe"),
        ('Content-Disposition: attachment; filename=" . "', "part-1.pdf"),
        (f'Content-Disposition: attachment; filename="{"x" * 500}.pdf"', "x" * 196 + ".pdf"),
    ],
)
def test_file_names_are_read_in_every_form_and_made_safe(field: str, name: str) -> None:
    """RFC 2047, RFC 2231, plain 8-bit; no folders, no control or direction marks."""
    [leaf] = _multipart(_part(PDF, field)).leaves

    assert leaf.name == name


def test_a_latin_1_file_name_is_read() -> None:
    """From senders that know no other."""
    part = _part(PDF, 'Content-Disposition: attachment; filename="Rechnung ä.pdf"').encode("latin-1")
    [leaf] = _mail("Content-Type: multipart/mixed; boundary=b", "", b"--b\r\n" + part, "--b--").leaves

    assert leaf.name == "Rechnung ä.pdf"


def test_names_are_unique_within_a_mail() -> None:
    """Two documents of one name, and one that has the second's made name already."""
    field = "Content-Disposition: attachment; filename="
    names = ["r.pdf", "R.pdf", "r-2.pdf", "r.pdf"]
    mail = _multipart(*(_part(PDF, field + name) for name in names))

    assert [leaf.name for leaf in mail.leaves] == ["r.pdf", "R-2.pdf", "r-2-2.pdf", "r-3.pdf"]


def test_the_sender_metadata_is_read() -> None:
    """With what is odd about it among the defects."""
    mail = _mail(
        "From: =?utf-8?Q?J=C3=BCrgen?= <j@supplier.example>",
        "Reply-To: billing@supplier.example",
        "To: a@company.example, B <b@company.example>",
        "Subject: =?utf-8?Q?Rechnung_=C3=A4?=",
        "Subject: second",
        "Date: Tue, 24 Nov 2026 10:00:00 +0100",
        "Message-ID: <1@supplier.example>",
        "X-Invoice-Environment:  Test ",
        "",
        "text",
    )

    assert mail.from_ == (Mailbox(name="Jürgen", address="j@supplier.example"),)
    assert mail.reply_to == (Mailbox(name="", address="billing@supplier.example"),)
    assert [box.address for box in mail.to] == ["a@company.example", "b@company.example"]
    assert mail.subject == "Rechnung ä"
    assert mail.date == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    assert (mail.message_id, mail.environment_sign) == ("<1@supplier.example>", "Test")
    assert "the header has more than one Subject field" in mail.defects


@pytest.mark.parametrize("date", ["yesterday", "Tue, 99 Nov 2026", "Mon, 1 Jan 99999 00:00:00 +0000"])
def test_a_date_that_is_none_is_a_defect(date: str) -> None:
    """And no reason to stumble."""
    mail = _mail(f"Date: {date}", "", "text")

    assert mail.date is None
    assert "the Date field is no date" in mail.defects


@pytest.mark.parametrize(
    ("octets", "bodies"),
    [
        (b"", []),
        (b"\r\n", []),
        (b"just text", [b"just text"]),
        (b"just: a header", [b""]),
        (b"A: b\r\nno separator\r\ntext", [b"no separator\r\ntext"]),
        (b"A: b\n\nbare line feeds", [b"bare line feeds"]),
        (b"A: b\r\rbare carriage returns", [b"bare carriage returns"]),
        (b"From me Mon Jan  1 00:00:00 2026\r\nA: b\r\n\r\nfrom an mbox", [b"from an mbox"]),
        (b"\r\nonly a body", [b"only a body"]),
    ],
)
def test_header_and_body_are_told_apart(octets: bytes, bodies: list[bytes]) -> None:
    """Whatever stands between them, nothing of the body is lost."""
    assert [leaf.content for leaf in parse_mail(octets).leaves] == bodies


def test_lines_that_are_no_fields_do_not_end_the_header() -> None:
    """A field that somebody broke over lines without a space hides no field behind it."""
    mail = _mail("To: a@b.example,", "c@d.example", "Subject : invoice", "", "text")

    assert mail.subject == "invoice"
    assert "the header has lines that are no fields" in mail.defects


@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: " + b" ".join([b"=?utf-8?q?a?="] * 60_000) + b"\r\n\r\n" + PDF,
        b"Subject: " + b"\r\n ".join([b"=?utf-8?q?a?="] * 60_000) + b"\r\n\r\n" + PDF,
        b"To: " + b", ".join([b"a@b.example"] * 40_000) + b"\r\n\r\n" + PDF,
        b"X: y\r\n" * 100_000 + b"\r\n" + PDF,
    ],
    ids=["words", "folded words", "addresses", "fields"],
)
def test_a_hostile_header_is_cut_and_the_body_kept(octets: bytes) -> None:
    """Parsers take up to 25 seconds for such headers; ours never see more than a piece."""
    mail = parse_mail(octets)

    assert [leaf.content for leaf in mail.leaves] == [PDF]
    assert any("not read" in defect or "cut" in defect for defect in mail.defects)


def test_endless_nesting_is_kept_in_one_piece() -> None:
    """What lies deeper than any honest mail is one unclassified part; no octet of it is lost."""
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(1000)
    )
    mail = parse_mail(nested + b"\r\n" + PDF)

    [leaf] = mail.leaves
    assert leaf.role is PartRole.UNCLASSIFIED
    assert leaf.path.count(".") == MAX_DEPTH
    assert leaf.content.endswith(PDF)


def test_endless_parts_are_kept_in_one_piece() -> None:
    """The parts beyond the limit are one part; nothing vanishes."""
    mail = parse_mail(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000 + PDF
    )

    assert mail.leaves[-1].role is PartRole.UNCLASSIFIED
    assert mail.leaves[-1].content.endswith(PDF)
    assert sum(leaf.content.count(b"x") for leaf in mail.leaves) == 20_000


def _as_leaf(mail: ParsedMail) -> Leaf:
    [leaf] = mail.leaves
    return leaf


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (XML, "application/xml"),
        (b"\xef\xbb\xbf" + XML, "application/xml"),
        (XML.decode().encode("utf-16"), "application/xml"),
        (b"<rsm:CrossIndustryInvoice xmlns:rsm='x'/>", "application/xml"),
        (b"<!DOCTYPE html><html></html>", "application/octet-stream"),
        (b"PK\x03\x04rest", "application/zip"),
        (b"\n\n%PDF-1.4", "application/pdf"),
        (b"no signature", "application/octet-stream"),
    ],
)
def test_content_decides_the_media_type(content: bytes, found: str) -> None:
    """And where it does not tell, what was declared."""
    mail = _multipart(_part(content, "Content-Type: application/octet-stream"))

    assert _as_leaf(mail).media_type == found
