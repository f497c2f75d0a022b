"""What is packed in a part is read as if it were attached, within bounds, and told of where it cannot be."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest

from reading.mail import extract_part, read_mail
from reading.unpacking import opened
from tests import wrappings
from tests.invoice_documents import cii, mail, pdf, ubl


@pytest.mark.parametrize("wrap", wrappings.WRAPPINGS.values(), ids=wrappings.WRAPPINGS.keys())
@pytest.mark.parametrize(
    ("name", "document"), [("r.xml", cii("R-1")), ("r.pdf", pdf(embedded=(("factur-x.xml", cii("R-1")),)))]
)
def test_an_invoice_in_every_wrapping(
    wrap: Callable[[str, bytes], bytes], name: str, document: bytes
) -> None:
    """It is found, it leads, and its octets come back by their digest."""
    octets = wrap(name, document)

    reading = read_mail(octets)

    (invoice,) = reading.invoices
    assert invoice.terms.invoice_number == "R-1"
    assert invoice.document.sha256 == hashlib.sha256(document).hexdigest()
    assert extract_part(octets, invoice.document.sha256) == document
    assert reading.unread == ()


def test_what_a_container_holds_stands_behind_it() -> None:
    """With paths and names of its own, the container itself stays an attachment."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("../../etc/r.xml", ubl("R-1"))
        writer.writestr("__MACOSX/._r.xml", b"x")
        writer.writestr("C:\\rechnung\\r.xml", ubl("R-2"))
        writer.writestr("leer/", b"")

    reading = read_mail(mail(("a.zip", archive.getvalue())))

    assert [(part.path, part.name, part.role.value) for part in reading.message.parts] == [
        ("1", "part-1.txt", "body"),
        ("2", "a.zip", "attachment"),
        ("2!1", "r.xml", "invoice"),
        ("2!2", "r-2.xml", "invoice"),
    ]


def test_an_office_document_is_not_unpacked() -> None:
    """It is a ZIP only on the outside."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("[Content_Types].xml", b"<Types/>")
        writer.writestr("word/document.xml", b"<x/>")

    reading = read_mail(mail(("brief.docx", archive.getvalue())))

    assert [part.name for part in reading.message.parts] == ["part-1.txt", "brief.docx"]
    assert reading.unread == ()


def _reasons(octets: bytes) -> list[str]:
    reading = read_mail(octets)
    assert reading.invoices == ()
    return [one.reason for one in reading.unread]


def test_a_bomb_is_cut() -> None:
    """By what really comes out, however small the archive is and whatever it says."""
    archive = wrappings.zipped("nullen", bytes(opened.MOST_OCTETS + 1))

    assert _reasons(mail(("a.zip", archive))) == ["it holds more than 100 MB once unpacked"]


def test_a_gzip_bomb_is_cut() -> None:
    """The same for gzip."""
    bomb = zlib.compress(bytes(opened.MOST_OCTETS + 1), wbits=31)

    assert _reasons(mail(("a.gz", bomb))) == ["it holds more than 100 MB once unpacked"]


def test_many_small_files_are_cut() -> None:
    """The first thousand are there."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for number in range(opened.MOST_FILES + 1):
            writer.writestr(f"{number}.txt", b"x")

    assert _reasons(mail(("a.zip", archive.getvalue()))) == ["it holds more than 1,000 files"]


def test_nesting_ends() -> None:
    """A ZIP in a ZIP in a ZIP and so on is opened four times."""
    octets = ubl("R-1")
    for number in range(6):
        octets = wrappings.zipped(f"{number}.zip" if number else "r.xml", octets)

    assert _reasons(mail(("a.zip", octets))) == ["it is packed more than 4 times over"]


def test_overlapping_entries_are_refused() -> None:
    """Two entries of the directory that name the same octets: so 10 MB become petabytes (Fifield's bomb)."""
    archive = bytearray(wrappings.zipped("a.txt", b"x" * 1000))
    directory = archive.find(b"PK\x01\x02")
    end = archive.find(b"PK\x05\x06")
    entry = bytes(archive[directory:end])
    tail = bytearray(archive[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, 2 * len(entry))

    octets = bytes(archive[:directory]) + entry + entry.replace(b"a.txt", b"b.txt") + bytes(tail)

    assert _reasons(mail(("a.zip", octets))) == ["the ZIP has entries that overlap"]


def _with_password() -> bytes:
    archive = bytearray(wrappings.zipped("r.xml", ubl("R-1")))
    archive[archive.find(b"PK\x03\x04") + 6] |= 1
    archive[archive.find(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


@pytest.mark.parametrize(
    ("name", "octets", "reason"),
    [
        ("a.zip", _with_password(), "the ZIP is encrypted with a password"),
        ("a.zip", wrappings.zipped("r.xml", ubl("R-1"))[:-30], "the ZIP is damaged"),
        ("a.zip", b"PK\x03\x04" + bytes(100), "the ZIP is damaged"),
        ("a.gz", zlib.compress(b"x" * 1000, wbits=31)[:-9], "the gzip file is damaged"),
        ("winmail.dat", b"\x78\x9f\x3e\x22" + b"\xff" * 50, "the winmail.dat is damaged"),
        ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(20), "a RAR archive is not opened here"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(20), "a 7z archive is not opened here"),
        ("a.p7m", wrappings.signed(ubl("R-1"))[:900], "the signed file (CMS) is damaged"),
        (
            "smime.p7m",
            wrappings.encrypted(ubl("R-1")),
            "it is encrypted (S/MIME), and this mailbox has no key",
        ),
    ],
    ids=[
        "zip-password",
        "zip-cut",
        "zip-zeros",
        "gzip-cut",
        "winmail",
        "rar",
        "7z",
        "cms-cut",
        "cms-encrypted",
    ],
)
def test_what_cannot_be_opened_is_told(name: str, octets: bytes, reason: str) -> None:
    """A mail with nothing else goes to quarantine with these words; it may hold an invoice."""
    assert _reasons(mail((name, octets))) == [reason]


def test_openpgp_is_told() -> None:
    """RFC 3156 4: a version, then the encrypted part."""
    octets = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n'
        b"\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n--b--\r\n"
    )

    assert _reasons(octets) == ["it is encrypted (OpenPGP), and this mailbox has no key"]


def test_the_state_of_a_signature_is_noted() -> None:
    """Who signed, and whether the signature fits; whom to trust is not decided here."""
    reading = read_mail(mail(("r.xml.p7m", wrappings.signed(ubl("R-1")))))

    assert reading.message.defects == (
        '"r.xml.p7m" is signed by Erika Muster; the signature fits the content, the certificate was not checked',
    )


def test_a_signature_that_does_not_fit_is_noted() -> None:
    """The invoice is shown all the same: nobody decides alone that it is a forgery."""
    forged = wrappings.signed(ubl("R-1")).replace(b"<cbc:ID>R-1<", b"<cbc:ID>R-2<")

    reading = read_mail(mail(("r.xml.p7m", forged)))

    assert [one.terms.invoice_number for one in reading.invoices] == ["R-2"]
    assert reading.message.defects == (
        '"r.xml.p7m" is signed by Erika Muster, but the signature does not fit the content',
    )


def test_attachments_in_an_invoice_belong_to_it() -> None:
    """BT-125: what is embedded in the XML is listed, and is no invoice of its own."""
    inner = pdf("Rechnung Nr. 4712")
    embedded = base64.b64encode(inner).decode()
    object_ = f'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="anlage.pdf">{embedded}</cbc:X>'
    reference = (
        "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        + object_.replace("</cbc:X>", "</cbc:EmbeddedDocumentBinaryObject>")
        + "</cac:Attachment></cac:AdditionalDocumentReference>"
    )
    document = ubl("R-1").replace(
        b"<cac:AccountingSupplierParty>", reference.encode() + b"<cac:AccountingSupplierParty>"
    )

    octets = mail(("r.xml", document))
    (invoice,) = read_mail(octets).invoices

    assert [(part.name, part.role.value) for part in invoice.attachments] == [
        ("r.xml", "invoice"),
        ("anlage.pdf", "attachment"),
    ]
    assert extract_part(octets, invoice.attachments[1].sha256) == inner


def test_yenc() -> None:
    """Each octet plus 42, a few of them escaped."""
    document = ubl("R-1") + bytes(range(256))
    shifted = b"".join(
        b"=" + bytes([(one + 42 + 64) % 256]) if (one + 42) % 256 in b"\0\n\r=" else bytes([(one + 42) % 256])
        for one in document
    )
    lines = b"\r\n".join(shifted[at : at + 128] for at in range(0, len(shifted), 128))
    text = b"=ybegin line=128 size=%d name=r.xml\r\n%s\r\n=yend size=%d\r\n" % (
        len(document),
        lines,
        len(document),
    )

    reading = read_mail(b"Subject: x\r\n\r\nHallo\r\n" + text)

    names = {part.name: part for part in reading.message.parts}
    assert names["r.xml"].sha256 == hashlib.sha256(document).hexdigest()


def test_a_sentence_that_begins_like_uuencode_is_text() -> None:
    """ "begin 100 ..." without an end is no file."""
    reading = read_mail(b"Subject: x\r\n\r\nbegin 100 pieces\r\nof cake\r\n")

    assert [part.role.value for part in reading.message.parts] == ["body"]
    assert reading.unread == ()


def test_a_text_with_a_colon_in_an_archive_is_no_mail() -> None:
    """It stays the file that it is."""
    octets = mail(("a.zip", wrappings.zipped("liste.txt", b"Rechnung: 4711\n\nDanke\n")))

    parts = read_mail(octets).message.parts

    assert [(part.name, part.size) for part in parts][-1] == ("liste.txt", 22)
