"""Signs mails for tests, rightly and in every way that must not count; and makes the keys for it."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import dkim
import nacl.signing
from asn1crypto import keys as asn1
from asn1crypto import pem

MAIL = (
    b"From: Billing <billing@supplier.example>\r\n"
    b"To: invoices@company.example\r\n"
    b"Subject: Invoice 17\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\n"
    b"Message-ID: <17@supplier.example>\r\n"
    b"\r\n"
    b"Please find our invoice attached.\r\n"
)
SIGNED_FIELDS = [b"from", b"to", b"subject", b"date", b"message-id"]


@dataclass(frozen=True)
class Key:
    """A private key as dkimpy wants it, and the record of the public one."""

    private: bytes
    record: str
    algorithm: bytes


@cache
def rsa_key(bits: int) -> Key:
    """An RSA key of any length; the libraries refuse to make short ones, which is just what is tried here."""
    exponent = 65537
    while True:
        one, other = _prime(bits // 2), _prime(bits - bits // 2)
        modulus, phi = one * other, (one - 1) * (other - 1)
        if modulus.bit_length() == bits and phi % exponent and one != other:
            break
    private_exponent = pow(exponent, -1, phi)
    private = asn1.RSAPrivateKey(
        {
            "version": 0,
            "modulus": modulus,
            "public_exponent": exponent,
            "private_exponent": private_exponent,
            "prime1": one,
            "prime2": other,
            "exponent1": private_exponent % (one - 1),
            "exponent2": private_exponent % (other - 1),
            "coefficient": pow(other, -1, one),
        }
    )
    public = asn1.PublicKeyInfo.wrap(
        asn1.RSAPublicKey({"modulus": modulus, "public_exponent": exponent}), "rsa"
    )
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public.dump()).decode()}"
    return Key(pem.armor("RSA PRIVATE KEY", private.dump()), record, b"rsa-sha256")


@cache
def ed25519_key() -> Key:
    """An Ed25519 key (RFC 8463)."""
    private = nacl.signing.SigningKey.generate()
    public = base64.b64encode(bytes(private.verify_key)).decode()
    return Key(base64.b64encode(bytes(private)), f"v=DKIM1; k=ed25519; p={public}", b"ed25519-sha256")


def signed(
    mail: bytes = MAIL, *, key: Key, domain: str = "supplier.example", expires: int | None = None, **how: Any
) -> bytes:
    """The mail with a DKIM signature on top; `how` goes to dkimpy."""
    signer = _Expiring(mail, signature_algorithm=key.algorithm)
    signer.expires = expires
    values: dict[str, Any] = {
        "canonicalize": (b"relaxed", b"relaxed"),
        "include_headers": SIGNED_FIELDS,
        **how,
    }
    field: bytes = signer.sign(b"s1", domain.encode(), key.private, **values)
    return field + mail


@dataclass(frozen=True)
class _Told:
    """One statement of an Authentication-Results field."""

    method: str
    result: str
    text: str

    def __str__(self) -> str:
        return self.text


class _FieldOfOneStatement:
    """As much of the package authres as dkimpy asks for when it seals."""

    @staticmethod
    def parse(field: str) -> SimpleNamespace:
        identity, _, text = field.partition(": ")[2].partition("; ")
        method, _, rest = text.partition("=")
        told = _Told(method, rest.split()[0], text)
        return SimpleNamespace(authserv_id=identity, results=[told])


def sealed(mail: bytes, *, told: str, domain: str, key: Key) -> bytes:
    """The mail with the first set of an ARC chain on top (RFC 8617), in which the sealer says what it was told."""
    field = f"Authentication-Results: lists.example; {told}\r\n".encode()
    signer = dkim.ARC(field + mail)
    module: Any = dkim
    module.authres = SimpleNamespace(
        AuthenticationResultsHeader=_FieldOfOneStatement, core=SimpleNamespace(SyntaxError=ValueError)
    )
    signer.set_message(field + mail)
    fields = signer.sign(
        b"s1", domain.encode(), key.private, b"lists.example", include_headers=[b"from", b"subject"]
    )
    return b"".join(fields) + field + mail


class _Expiring(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """dkimpy does not write x= (RFC 6376 3.5)."""

    expires: int | None = None

    def gen_header(self, fields: list[Any], *rest: Any, **named: Any) -> bytes:
        if self.expires is not None:
            now = int(time.time())
            fields = [
                (key, str(now - 2 * 86400).encode()) if key == b"t" else (key, value) for key, value in fields
            ]
            fields.insert(-1, (b"x", str(now + self.expires).encode()))
        field: bytes = super().gen_header(fields, *rest, **named)
        return field


def _prime(bits: int) -> int:
    while True:
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if all(candidate % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)) and _is_prime(
            candidate
        ):
            return candidate


def _is_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        power = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True
