"""Opens CMS, in which S/MIME mails and Italian invoices (.p7m) are signed or encrypted (RFC 5652, RFC 8551)."""

from __future__ import annotations

import base64
import re
from contextlib import suppress

from asn1crypto import cms, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from reading.unpacking.opened import Budget, Opened, Packed, TooMuch

_BASE64 = re.compile(
    rb"\s*(?:-----BEGIN [A-Z0-9 ]+-----)?\s*(MI[A-Za-z0-9+/\s]+=*)\s*(?:-----END [A-Z0-9 ]+-----)?\s*"
)
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_ENCRYPTED = {"enveloped_data", "encrypted_data", "authenticated_enveloped_data"}
_MOST_NESTED = 3  # signatures around signatures


def undone_base64(octets: bytes) -> bytes | None:
    """CMS that was written as Base64 text, with or without PEM's lines, as octets; None if it is none."""
    found = _BASE64.fullmatch(octets)
    if found is None:
        return None
    with suppress(ValueError):
        return base64.b64decode(b"".join(found[1].split()))
    return None


def open_cms(octets: bytes, budget: Budget, name: str) -> Opened:
    """What is signed, with a note on the signature; what is encrypted is only told. Never raises."""
    try:
        return _opened(octets, budget, name)
    except TooMuch as error:
        return Opened(trouble=str(error))
    except Exception:  # noqa: BLE001, RUF100  -- asn1crypto raises anything on damaged structures
        return Opened(trouble="the signed file (CMS) is damaged")


def _opened(octets: bytes, budget: Budget, name: str) -> Opened:
    notes: list[str] = []
    content = octets
    for _ in range(_MOST_NESTED):
        info = cms.ContentInfo.load(content)
        kind = info["content_type"].native
        if kind in _ENCRYPTED:
            return Opened(trouble="it is encrypted (S/MIME), and this mailbox has no key", notes=tuple(notes))
        if kind == "compressed_data":
            return Opened(trouble="it is compressed by S/MIME, which is not undone here", notes=tuple(notes))
        if kind != "signed_data":
            return Opened(trouble=f"it is CMS of a kind that holds no document ({kind})", notes=tuple(notes))
        signed = info["content"]
        inner = signed["encap_content_info"]["content"].native
        if inner is None:
            return Opened(notes=tuple(notes))  # a detached signature: what it signs stands elsewhere
        budget.take_file()
        budget.take(len(inner))
        notes += [f'"{name}" is {_state(signed, inner, one)}' for one in signed["signer_infos"]]
        if signed["encap_content_info"]["content_type"].native == "data" and not _is_cms(inner):
            inner_name = name[: -len(".p7m")] if name.lower().endswith(".p7m") else None
            return Opened(files=(Packed(inner_name, inner),), notes=tuple(notes))
        content = inner
    return Opened(trouble="it is signed too many times", notes=tuple(notes))


def _is_cms(octets: bytes) -> bool:
    return octets[:1] == b"\x30" and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" in octets[:30]


def _state(signed: cms.SignedData, content: bytes, signer: cms.SignerInfo) -> str:
    """The state of one signature in words. Whether the signer may be trusted is not asked: there is no trust list."""
    certificate = _certificate_of(signed, signer)
    who = _name(certificate) if certificate else "somebody whose certificate is not with it"
    if certificate is None:
        return f"signed by {who}; the signature was not checked"
    try:
        is_intact = _is_intact(signer, certificate, content)
    except (UnsupportedAlgorithm, KeyError, ValueError, TypeError):
        return f"signed by {who}, in a way that cannot be checked here"
    if not is_intact:
        return f"signed by {who}, but the signature does not fit the content"
    return f"signed by {who}; the signature fits the content, the certificate was not checked"


def _is_intact(signer: cms.SignerInfo, certificate: x509.Certificate, content: bytes) -> bool:
    digest_name = signer["digest_algorithm"]["algorithm"].native
    attributes = signer["signed_attrs"]
    covered = content
    if attributes.native is not None:
        hashing = hashes.Hash(_HASHES[digest_name]())
        hashing.update(content)
        stated = next(one["values"][0].native for one in attributes if one["type"].native == "message_digest")
        if stated != hashing.finalize():
            return False
        covered = attributes.untag().dump(force=True)  # as a SET OF (RFC 5652 5.4)
    key = serialization.load_der_public_key(certificate.public_key.dump())
    signature, hashed = signer["signature"].native, _HASHES[digest_name]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, covered, _padding(signer, hashed), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, covered, ec.ECDSA(hashed))
        else:
            raise UnsupportedAlgorithm("neither RSA nor ECDSA")
    except InvalidSignature:
        return False
    return True


def _padding(signer: cms.SignerInfo, hashed: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if signer["signature_algorithm"]["algorithm"].native == "rsassa_pss":
        return padding.PSS(mgf=padding.MGF1(hashed), salt_length=padding.PSS.AUTO)
    return padding.PKCS1v15()


def _certificate_of(signed: cms.SignedData, signer: cms.SignerInfo) -> x509.Certificate | None:
    wanted = signer["sid"].chosen
    for one in signed["certificates"] or ():
        certificate = one.chosen
        if not isinstance(certificate, x509.Certificate):
            continue
        if isinstance(wanted, cms.IssuerAndSerialNumber):
            if (
                certificate.serial_number == wanted["serial_number"].native
                and certificate.issuer == wanted["issuer"]
            ):
                return certificate
        elif certificate.key_identifier == wanted.native:
            return certificate
    return None


def _name(certificate: x509.Certificate) -> str:
    subject = certificate.subject.native
    name = subject.get("common_name") or subject.get("organization_name") or "an unnamed signer"
    return " ".join(str(name).split())[:100]
