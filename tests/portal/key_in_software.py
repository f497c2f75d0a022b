"""A key of a person as a device keeps it (WebAuthn), for tests that want to answer wrongly, too."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _HAS_KEY = 0x01, 0x04, 0x40  # flags (WebAuthn 6.1)


@dataclass
class KeyInSoftware:
    """One key; `verified`: whether the device knew its owner when it signed."""

    origin: str
    verified: bool = True
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))

    def made(self, options: dict[str, Any]) -> str:
        """The answer to a question for a new key."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        told = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)
        octets = self._octets(options["rp"]["id"], _HAS_KEY) + told
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": octets})
        client = self._client("webauthn.create", options["challenge"])
        return self._written({"clientDataJSON": _text(client), "attestationObject": _text(attested)})

    def signed(self, options: dict[str, Any], user_id: str = "") -> str:
        """The answer to the question for any key."""
        self.count += 1
        octets = self._octets(options["rpId"], 0)
        client = self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(octets + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._written(
            {
                "clientDataJSON": _text(client),
                "authenticatorData": _text(octets),
                "signature": _text(signature),
                "userHandle": _text(user_id.encode()),
            }
        )

    def _octets(self, host: str, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verified else 0)
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _written(self, response: dict[str, str]) -> str:
        id_ = _text(self.credential_id)
        return json.dumps({"id": id_, "rawId": id_, "type": "public-key", "response": response})


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
