"""Asks browsers for passkeys (WebAuthn Level 3), and checks what they answer; pure but for chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from storage.records.factors import Passkey
from storage.records.people import User

LONGEST_ANSWER = 20_000  # characters


class NotProven(Exception):  # noqa: N818  -- says what is the matter
    """What a browser sent is no answer to our question."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a browser is asked, and what has to come back in its answer."""

    options: str  # JSON
    challenge: str  # base64url


@dataclass(frozen=True, slots=True)
class NewKey:
    """The public half of a key that a browser made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the keys are good: a passkey of another host is none here."""

    host: str
    origin: str  # https://host[:port]

    def make(self, user: User, known: Sequence[Passkey]) -> Question:
        """Asks for a new key of this person, kept where the person is recognised (PIN, finger, face)."""
        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=self.host,
            user_id=user.id.encode(),
            user_name=user.email,
            user_display_name=user.name or user.email,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in known],
        )
        return Question(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))

    def ask(self) -> Question:
        """Asks for any key that is good here; it says whose it is."""
        options = webauthn.generate_authentication_options(
            rp_id=self.host, user_verification=UserVerificationRequirement.REQUIRED
        )
        return Question(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))

    def made(self, answer: str, challenge: str) -> NewKey:
        """The key that a browser made. Raises NotProven."""
        try:
            found = webauthn.verify_registration_response(
                credential=answer[:LONGEST_ANSWER],
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self.host,
                expected_origin=self.origin,
                require_user_verification=True,
            )
        except Exception as error:  # whatever a browser sends, and whatever the parsers below make of it
            raise NotProven from error
        return NewKey(found.credential_id, found.credential_public_key, found.sign_count)

    def proven(self, answer: str, challenge: str, passkey: Passkey) -> int:
        """The new count of signatures of a key that signed our question. Raises NotProven."""
        try:
            found = webauthn.verify_authentication_response(
                credential=answer[:LONGEST_ANSWER],
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except Exception as error:  # the same
            raise NotProven from error
        return found.new_sign_count


def credential_of(answer: str) -> bytes:
    """Which key an answer says it is of. Raises NotProven."""
    try:
        return parse_authentication_credential_json(answer[:LONGEST_ANSWER]).raw_id
    except Exception as error:  # the same
        raise NotProven from error
