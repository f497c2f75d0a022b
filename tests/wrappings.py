"""Wraps a document as senders do: plainly, without a name, in attached mails, archives, winmail.dat, signatures."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID


def _letter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "a@supplier.example"
    message["To"] = "b@company.example"
    message["Subject"] = "Unterlagen"
    message["MIME-Version"] = "1.0"
    message.set_content("Guten Tag\n")
    return message


def attached(name: str, octets: bytes, media_type: str = "application/octet-stream") -> bytes:
    """A mail with the document attached under its name."""
    message = _letter()
    main, _, sub = media_type.partition("/")
    message.add_attachment(octets, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def of_its_type(name: str, octets: bytes) -> bytes:
    """Attached with the media type that its ending names."""
    kinds = {"pdf": "application/pdf", "xml": "application/xml", "p7m": "application/pkcs7-mime"}
    return attached(name, octets, kinds.get(name.rpartition(".")[2].lower(), "application/octet-stream"))


def inline_without_name(_: str, octets: bytes) -> bytes:
    """As some programs of the trade send it: inline, no file name anywhere."""
    message = _letter()
    message.add_attachment(octets, maintype="application", subtype="pdf", disposition="inline")
    return message.as_bytes()


def in_rfc822(name: str, octets: bytes) -> bytes:
    """Forwarded as an attachment."""
    message = _letter()
    inner = _letter()
    inner.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    message.add_attachment(inner)
    return message.as_bytes()


def in_base64_rfc822(name: str, octets: bytes) -> bytes:
    """The same in an encoding that RFC 2046 5.2.1 forbids, and gateways use."""
    inner = base64.encodebytes(attached(name, octets))
    return (
        b"From: a@supplier.example\r\nTo: b@company.example\r\nSubject: Unterlagen\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\nContent-Type: text/plain\r\n\r\nGuten Tag\r\n'
        b"--=_b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + inner
        + b"--=_b--\r\n"
    )


def zipped(name: str, octets: bytes) -> bytes:
    """The octets of a ZIP archive with the one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(name, octets)
    return archive.getvalue()


def in_zip(name: str, octets: bytes) -> bytes:
    """In a ZIP."""
    return attached("unterlagen.zip", zipped(f"ordner/{name}", octets))


def in_zip_in_zip(name: str, octets: bytes) -> bytes:
    """A ZIP in a ZIP."""
    return attached("alles.zip", zipped("unterlagen.zip", zipped(name, octets)))


def in_mail_in_zip(name: str, octets: bytes) -> bytes:
    """A mail that was saved, and zipped."""
    return attached("mails.zip", zipped("mail.eml", attached(name, octets)))


def in_gzip(name: str, octets: bytes) -> bytes:
    """In a gzip file."""
    return attached(f"{name}.gz", gzip.compress(octets, mtime=0))


def winmail(name: str, octets: bytes) -> bytes:
    """A TNEF stream with the one attachment (MS-OXTNEF 2.1.3)."""

    def attribute(level: int, identifier: int, data: bytes) -> bytes:
        return (
            struct.pack("<BII", level, identifier, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)
        )

    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(1, 0x00089006, struct.pack("<I", 0x00010000))
        + attribute(1, 0x00069007, struct.pack("<II", 1252, 0))
        + attribute(2, 0x00069002, struct.pack("<HIHHHH", 1, 0xFFFFFFFF, 0, 0, 0, 0))
        + attribute(2, 0x0006800F, octets)
        + attribute(2, 0x00018010, name.encode("cp1252", "replace") + b"\0")
    )


def in_winmail(name: str, octets: bytes) -> bytes:
    """In Outlook's winmail.dat."""
    return attached("winmail.dat", winmail(name, octets), "application/ms-tnef")


@cache
def _signer() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Erika Muster")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(4711).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()), key


def signed(octets: bytes) -> bytes:
    """CMS with the octets inside it, signed (RFC 5652 5), in DER."""
    certificate, key = _signer()
    builder = pkcs7.PKCS7SignatureBuilder().set_data(octets).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def encrypted(octets: bytes) -> bytes:
    """CMS with the octets inside it, encrypted (RFC 5652 6), in DER."""
    certificate, _ = _signer()
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(octets).add_recipient(certificate)
    return builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def in_p7m(name: str, octets: bytes) -> bytes:
    """A signed file, as Italian invoices come."""
    return attached(f"{name}.p7m", signed(octets))


def in_base64_p7m(name: str, octets: bytes) -> bytes:
    """The same written as Base64 text."""
    return attached(f"{name}.p7m", base64.encodebytes(signed(octets)))


def in_signed_mail(name: str, octets: bytes) -> bytes:
    """A whole mail as one signed object (RFC 8551 3.5.2)."""
    message = EmailMessage()
    message["From"] = "a@supplier.example"
    message["To"] = "b@company.example"
    message["Subject"] = "Unterlagen"
    inner = EmailMessage()
    inner.set_content("Guten Tag\n")
    inner.add_attachment(octets, maintype="application", subtype="octet-stream", filename=name)
    message.set_content(
        signed(inner.as_bytes()), maintype="application", subtype="pkcs7-mime", filename="smime.p7m"
    )
    return message.as_bytes()


def uuencoded(name: str, octets: bytes) -> bytes:
    """The lines of uuencode (POSIX)."""
    lines = [binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45)]
    return b"begin 644 " + name.encode("ascii", "replace") + b"\n" + b"".join(lines) + b"`\nend\n"


def in_uuencode(name: str, octets: bytes) -> bytes:
    """In the text of a mail older than MIME."""
    head = b"From: a@supplier.example\nTo: b@company.example\nSubject: Unterlagen\n\nGuten Tag\n\n"
    return head + uuencoded(name, octets) + b"\nbye\n"


WRAPPINGS: dict[str, Callable[[str, bytes], bytes]] = {
    "octet-stream": attached,
    "of its type": of_its_type,
    "inline, no name": inline_without_name,
    "rfc822": in_rfc822,
    "rfc822 in base64": in_base64_rfc822,
    "zip": in_zip,
    "zip in zip": in_zip_in_zip,
    "mail in zip": in_mail_in_zip,
    "gzip": in_gzip,
    "winmail.dat": in_winmail,
    "p7m": in_p7m,
    "p7m in base64": in_base64_p7m,
    "signed mail": in_signed_mail,
    "uuencode": in_uuencode,
}
"""By name: a function from file name and octets to a mail (RFC 5322)."""
