"""What senders and gateways do to the structure of a mail, and what other parsers lose by it."""

from __future__ import annotations

import base64

import pytest

from reading.mime import Leaf, ParsedMail, parse_mail
from reading.mime.leaf_parts import MAX_LEAVES, TOO_DEEP, TOO_MANY
from storage.records.reading import PartRole

PDF = b"%PDF-1.7\n1 0 obj not much of one\n"
XML = b'<?xml version="1.0"?>\n<Invoice/>\n'
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
ATTACHMENT, BODY, INLINE, UNCLASSIFIED = (
    PartRole.ATTACHMENT,
    PartRole.BODY,
    PartRole.INLINE,
    PartRole.UNCLASSIFIED,
)


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _seen(mail: ParsedMail) -> list[tuple[str, PartRole]]:
    return [(leaf.path, leaf.role) for leaf in mail.leaves]


def _contents(mail: ParsedMail) -> list[bytes]:
    return [leaf.content for leaf in mail.leaves]


def _only(octets: bytes) -> Leaf:
    [leaf] = parse_mail(octets).leaves
    return leaf


@pytest.mark.parametrize("document", [XML, XML + b"\n", XML + b"\n\n"])
def test_a_footer_behind_base64_is_no_part_of_the_document(document: bytes) -> None:
    """A mailing list appends its lines to the last part; decoded as base64 they would break an XML invoice."""
    footer = b"\r\n____________\r\nMailing list of the purchase department\r\n"
    mail = parse_mail(b"Content-Transfer-Encoding: base64\r\n\r\n" + _base64(document) + footer)

    assert _contents(mail) == [document]
    assert "there is text behind the base64 of a part" in mail.defects


def test_a_document_behind_base64_is_kept() -> None:
    """More than a footer, and so a leaf of its own."""
    hidden = b"\r\n\r\n-- \r\n" + b"not base64, but long. " * 20
    mail = parse_mail(b"Content-Transfer-Encoding: base64\r\n\r\n" + _base64(PDF) + hidden)

    assert _seen(mail) == [("1", ATTACHMENT), ("1.0", UNCLASSIFIED)]


@pytest.mark.parametrize("content", [PDF, XML, b"PK\x03\x04 rest", b"\x89PNG\r\n\x1a\n rest"])
def test_a_document_that_is_said_to_be_base64_and_is_not(content: bytes) -> None:
    """Decoding it would leave nothing of it."""
    assert _only(b"Content-Transfer-Encoding: base64\r\n\r\n" + content).content == content


@pytest.mark.parametrize("content", [PDF, XML, b"PK\x03\x04 rest", b"\xef\xbb\xbf" + XML])
def test_a_document_in_base64_that_does_not_say_so(content: bytes) -> None:
    """The field was lost on the way."""
    mail = parse_mail(b"Content-Type: application/octet-stream\r\n\r\n" + _base64(content))

    assert _contents(mail) == [content]
    assert mail.defects == ("a part is base64 and does not say so",)


def test_text_that_begins_like_base64_stays_text() -> None:
    """Only what is base64 as a whole is decoded."""
    text = b"JVBERi0 is how a PDF begins in base64."

    assert _only(b"Subject: x\r\n\r\n" + text).content == text


@pytest.mark.parametrize(
    "declared",
    [
        b"multipart/mixed",
        b"multipart/mixed; boundary=wrong",
        b"multipart/mixed; boundary=\"'b'\"",
        b'multipart/mixed; boundary="b',
        b"multipart/mixed; boundary=b charset=x",
        b"multipart/mixed; boundary='b'",
    ],
)
def test_a_boundary_that_is_missing_or_miswritten_is_found(declared: bytes) -> None:
    """The text shows what it must be."""
    octets = b"Content-Type: " + declared + b"\r\n\r\n--b\r\nContent-Type: application/pdf\r\n\r\n" + PDF

    assert _contents(parse_mail(octets + b"\r\n--b--\r\n")) == [PDF]


def test_a_boundary_that_begins_another_one_is_told_apart() -> None:
    """The inner delimiter begins with the outer one."""
    inner = b"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb\r\n\r\ny\r\n--bb--\r\n"
    mail = parse_mail(MIXED + inner + b"--b\r\n\r\nz\r\n--b--\r\n")

    assert [(leaf.path, leaf.content) for leaf in mail.leaves] == [("1.1", b"x"), ("1.2", b"y"), ("2", b"z")]


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_every_line_end_separates_parts(line_end: bytes) -> None:
    """Also that of old Macs, which no mail should have."""
    octets = (MIXED + b"--b\r\n\r\none\r\n--b  \r\n\r\ntwo\r\n--b--\r\n").replace(b"\r\n", line_end)

    assert _contents(parse_mail(octets)) == [b"one", b"two"]


def test_a_part_without_a_header_loses_no_line() -> None:
    """Its first lines look like a header, but no field of a part stands there."""
    text = b"Hello: this is text\r\nand goes on\r\n\r\nhere"

    assert _contents(parse_mail(MIXED + b"--b\r\n" + text + b"\r\n--b--\r\n")) == [text]


def test_two_content_types_hide_nothing() -> None:
    """Readers differ in which of them they take."""
    part = b"--b\r\nContent-Type: application/pdf\r\n\r\n" + PDF + b"\r\n--b--\r\n"
    mail = parse_mail(b"Content-Type: text/plain\r\n" + MIXED + part)

    assert _contents(mail) == [PDF]
    assert "a header has more than one Content-Type field" in mail.defects


def test_a_part_before_the_first_delimiter_is_taken_apart() -> None:
    """Its delimiter is missing, its header is not."""
    lost = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _base64(PDF * 9)
    mail = parse_mail(MIXED + lost + b"--b\r\n\r\ntext\r\n--b--\r\n")

    assert _seen(mail) == [("0", ATTACHMENT), ("1", BODY)]
    assert mail.leaves[0].content == PDF * 9


def test_a_short_document_outside_the_parts_is_kept() -> None:
    """It is shorter than many a greeting, but no greeting."""
    mail = parse_mail(MIXED + b"--b\r\n\r\ntext\r\n--b--\r\n" + _base64(PDF))

    assert _seen(mail) == [("1", BODY), ("2", UNCLASSIFIED)]


def test_text_between_and_parts_behind_closing_delimiters_keep_their_order() -> None:
    """Each gateway on the way appended something; every path is another one."""
    between = b"--b\r\n\r\nx\r\n--b--\r\n" + b"between " * 40 + b"\r\n"
    mail = parse_mail(MIXED + between * 2 + b"--b\r\n\r\ny\r\n--b--\r\n")

    assert [path for path, _ in _seen(mail)] == ["1", "2", "3", "4", "5"]
    assert [role for _, role in _seen(mail)] == [BODY, UNCLASSIFIED, BODY, UNCLASSIFIED, BODY]


def test_a_multipart_encoded_as_a_whole_is_taken_apart() -> None:
    """RFC 2045 6.4 forbids it."""
    inner = b"--b\r\nContent-Type: application/pdf\r\n\r\n" + PDF + b"\r\n--b--\r\n"
    header = b"Content-Transfer-Encoding: base64\r\n" + MIXED

    assert _contents(parse_mail(header + _base64(inner))) == [PDF]


def test_mails_in_a_digest_need_no_type() -> None:
    """Their default is message/rfc822 (RFC 2046 5.1.5)."""
    mails = b"".join(b"--b\r\n\r\nSubject: %d\r\n\r\ntext %d\r\n" % (n, n) for n in (1, 2))
    mail = parse_mail(MIXED.replace(b"mixed", b"digest") + mails + b"--b--\r\n")

    assert [(leaf.path, leaf.content) for leaf in mail.leaves] == [("1/1", b"text 1"), ("2/1", b"text 2")]


def test_mails_attached_to_attached_mails_have_paths_of_their_own() -> None:
    """Position within each mail, a slash between them."""
    innermost = (
        b"Subject: c\r\n"
        + MIXED.replace(b"=b", b"=c")
        + b"--c\r\n\r\nx\r\n--c\r\n\r\n"
        + PDF
        + b"\r\n--c--\r\n"
    )
    middle = b"Subject: b\r\nContent-Type: message/rfc822\r\n\r\n" + innermost
    mail = parse_mail(
        MIXED + b"--b\r\n\r\nhi\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + middle + b"--b--\r\n"
    )

    assert [path for path, _ in _seen(mail)] == ["1", "2/1/1", "2/1/2"]
    assert mail.leaves[2].name == "part-2-1-2.pdf"


@pytest.mark.parametrize("encoding", [b"7bit", b"base64"])
def test_a_document_declared_as_a_mail_is_a_document(encoding: bytes) -> None:
    """The type is wrong, the content tells."""
    content = _base64(PDF) if encoding == b"base64" else PDF
    leaf = _only(
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + content
    )

    assert (leaf.media_type, leaf.role, leaf.content) == ("application/pdf", ATTACHMENT, PDF)


def test_an_attached_mail_that_is_only_said_to_be_base64() -> None:
    """It is not encoded at all."""
    inner = b"Subject: x\r\nContent-Type: application/pdf\r\n\r\n" + PDF

    octets = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inner

    assert (_only(octets).path, _only(octets).content) == ("1/1", PDF)


@pytest.mark.parametrize(
    "declared", ["message/delivery-status", "text/rfc822-headers", "application/pkcs7-signature", "text/csv"]
)
def test_what_is_neither_text_nor_picture_is_an_attachment(declared: str) -> None:
    """Reports and signatures as well."""
    leaf = _only(b"Content-Type: " + declared.encode() + b"\r\n\r\nwhatever: it is")

    assert (declared, ATTACHMENT) == (leaf.media_type, leaf.role)


@pytest.mark.parametrize(
    ("within", "fields", "role"),
    [
        ("related", "Content-ID: <a@b>", INLINE),
        ("related", "Content-Location: logo.png", INLINE),
        ("related", "Content-ID: <a@b>\r\nContent-Disposition: attachment", ATTACHMENT),
        ("mixed", "Content-Disposition: inline", INLINE),
        ("mixed", "Content-Disposition: inline; filename=scan.png", ATTACHMENT),
        ("mixed", "Content-ID: <a@b>\r\nContent-Disposition: inline; filename=logo.png", INLINE),
        ("mixed", "Content-ID: <a@b>", ATTACHMENT),
    ],
)
def test_a_picture_is_inline_where_the_text_shows_it(within: str, fields: str, role: PartRole) -> None:
    """A photograph of an invoice, attached by a telephone, is not."""
    header = f"Content-Type: multipart/{within}; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n{fields}\r\n\r\n"

    assert _only(header.encode() + b"\x89PNG\r\n\x1a\n\r\n--b--\r\n").role == role


@pytest.mark.parametrize(
    ("content", "declared", "found"),
    [
        (b"<?xml version='1.0'?><!DOCTYPE html><html xmlns='x'>", "text/html", "text/html"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'>", "text/html", "text/html"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "application/octet-stream", "image/svg+xml"),
        (b"<!-- made by x --><p:FatturaElettronica versione='1'>", "text/plain", "application/xml"),
        (b"<eb:Invoice xmlns:eb='x'>", "text/plain", "application/xml"),
        (b"<order xmlns='urn:x'>", "application/octet-stream", "application/xml"),
        ("<Invoice xmlns='x'/>".encode("utf-16-be"), "application/octet-stream", "application/xml"),
        (b"<3 and kisses", "text/plain", "text/plain"),
        (b"Our %PDF-1.4 files", "text/plain", "text/plain"),
        (b"\0" * 1000 + b"%PDF-1.4", "application/octet-stream", "application/pdf"),
        (
            b"0\x82\x01\x00\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x02",
            "application/octet-stream",
            "application/pkcs7-mime",
        ),
        (
            b"0\x80\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x03",
            "application/octet-stream",
            "application/pkcs7-mime",
        ),
        (
            b"0\x80\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x02",
            "application/pkcs7-signature",
            "application/pkcs7-signature",
        ),
        (b"\x78\x9f\x3e\x22rest", "application/octet-stream", "application/ms-tnef"),
        (b"\x1f\x8b\x08rest", "text/plain", "application/gzip"),
        (b"II*\0rest", "application/pdf", "image/tiff"),
    ],
)
def test_content_tells_the_type_where_it_can(content: bytes, declared: str, found: str) -> None:
    """And a text that speaks of a document is none."""
    octets = f"Content-Type: {declared}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + _base64(
        content
    )

    assert _only(octets).media_type == found


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        ("Text/HTML; charset=x", "text/html"),
        ("text", "text/plain"),
        ("", "text/plain"),
        ("application / pdf", "application/pdf"),
        ("pdf", "application/octet-stream"),
        ("application/ä", "application/octet-stream"),
        ("x/" + "y" * 200, "application/octet-stream"),
    ],
)
def test_a_declared_type_is_a_type_or_octets(value: str, declared: str) -> None:
    """In lower case; nothing else gets on record."""
    assert _only(f"Content-Type: {value}\r\n\r\nx".encode()).declared_type == declared


def test_fields_behind_an_endless_header_still_tell_the_structure() -> None:
    """The metadata is cut; the document is not lost."""
    filling = b"X-Filling: " + b"x" * 1000 + b"\r\n"
    part = b"--b\r\nContent-Type: application/pdf\r\n\r\n" + PDF + b"\r\n--b--\r\n"

    assert _contents(parse_mail(b"Subject: x\r\n" + filling * 500 + MIXED + part)) == [PDF]


def test_a_thousand_addresses_are_read_and_no_more() -> None:
    """What no invoice mail needs costs no time."""
    mail = parse_mail(b"To: " + b", ".join(b"a%d@b.example" % number for number in range(5000)) + b"\r\n\r\n")

    assert (len(mail.to), mail.to[-1].address) == (1000, "a999@b.example")
    assert mail.defects == ("the To field is too long; the rest of it was not read",)


def test_all_senders_are_named() -> None:
    """A second From field must not go unseen, for the check of the sender relies on it."""
    mail = parse_mail(b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n")

    assert [box.address for box in mail.from_] == ["a@b.example", "c@d.example"]
    assert mail.defects == ("the header has more than one From field",)


def test_a_broken_word_leaves_the_others_readable(caplog: pytest.LogCaptureFixture) -> None:
    """mail-parser gives the whole field up, and writes it out; what senders write is nothing for our log."""
    mail = parse_mail(b"Subject: =?utf-8?B?UmVjaG51bmc?= =?utf-8?B?=21?= =?utf-8?Q?_f=C3=BCr?=\r\n\r\n")

    assert mail.subject is not None
    assert mail.subject.startswith("Rechnung")
    assert mail.subject.endswith(" für")
    assert caplog.records == []


def test_a_subject_in_latin_1_is_read() -> None:
    """From senders that know no other."""
    assert parse_mail("Subject: Rechnung für März\r\n\r\n".encode("latin-1")).subject == "Rechnung für März"


def test_what_no_database_holds_is_taken_out() -> None:
    """NUL and lone surrogates, wherever they may be written."""
    subject = b"Subject: =?utf-8?q?a=00b?= =?utf-7?q?+2AA-?=\r\n"
    mail = parse_mail(subject + b"Message-ID: <a\0b>\r\nX-Invoice-Environment: te\0st\r\n\r\na\0b")

    assert (mail.message_id, mail.environment_sign) == ("<ab>", "test")
    assert "\0" not in (mail.subject or "")
    assert mail.subject == (mail.subject or "").encode("utf-8", "replace").decode()


def test_parts_beyond_the_limit_are_one_leaf() -> None:
    """Also where they are nested, and where most are empty."""
    many = b"--b\r\n\r\nx\r\n" * (MAX_LEAVES + 50)
    mail = parse_mail(
        MIXED.replace(b"=b", b"=a") + b"--a\r\n" + MIXED + many + b"--b--\r\n--a\r\n\r\nlast\r\n--a--\r\n"
    )
    empty = parse_mail(MIXED + b"--b\r\n" * 200_000 + PDF)

    assert (len(mail.leaves), mail.leaves[-1].role) == (MAX_LEAVES + 1, UNCLASSIFIED)
    assert mail.leaves[-1].content.endswith(b"last\r\n--a--\r\n")
    assert [leaf.content.endswith(PDF) for leaf in empty.leaves] == [True]
    assert TOO_MANY in mail.defects
    assert TOO_MANY in empty.defects


def test_mails_within_mails_without_end_are_one_leaf() -> None:
    """Each level costs a few octets only."""
    mail = parse_mail(b"Content-Type: message/rfc822\r\n\r\n" * 5000 + PDF)

    assert _seen(mail)[0][1] == UNCLASSIFIED
    assert mail.leaves[0].content.endswith(PDF)
    assert TOO_DEEP in mail.defects


def test_a_soft_line_break_with_cr_alone_loses_nothing() -> None:
    """The standard library's decoder skipped everything behind "=" CR up to the next LF, in one case a whole PDF."""
    octets = b"Content-Transfer-Encoding: quoted-printable\n\nfirst=\rsecond=\r\nthird=3D\n"

    [leaf] = parse_mail(octets).leaves

    assert leaf.content == b"firstsecondthird=\n"


def test_a_header_whose_line_ends_change_does_not_swallow_the_mail() -> None:
    """From LF to CR alone: the empty line is one in the new way, and the body follows it."""
    octets = b"Subject: x\nContent-Type: text/plain\r\rhello\rworld\r"

    [leaf] = parse_mail(octets).leaves

    assert leaf.content == b"hello\rworld\r"
