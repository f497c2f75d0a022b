"""One-time passwords are those of RFC 6238, and a secret is one person's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from portal.one_time_passwords import (
    RECOVERY_CODES,
    STEP_SECONDS,
    Authenticators,
    new_recovery_codes,
    recovery_digest,
)

KEY = b"a key of thirty-two octets......"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "password"),
    [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")],
)
def test_the_vectors_of_the_standard_hold(
    seconds: int, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 6238, appendix B; of its eight digits the last six."""
    monkeypatch.setattr(Authenticators, "_secret", lambda *_: b"12345678901234567890")
    at = datetime.fromtimestamp(seconds, UTC)

    assert Authenticators(KEY).step("anna", "1", password[2:], at) == seconds // STEP_SECONDS


def test_clocks_may_be_half_a_minute_apart_and_no_more() -> None:
    """A code of the minute before last is refused."""
    apps = Authenticators(KEY)
    steps = []

    for aside in (-2, -1, 0, 1, 2):
        code = _code(apps, NOW + timedelta(seconds=aside * STEP_SECONDS))
        step = apps.step("anna", "1", code, NOW)
        steps.append(step - int(NOW.timestamp()) // STEP_SECONDS if step is not None else None)

    assert steps == [None, -1, 0, 1, None]


@pytest.mark.parametrize("entered", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "12 34 5", "0" * 1000])
def test_what_is_no_code_is_never_right(entered: str) -> None:
    """And raises nothing."""
    assert Authenticators(KEY).step("anna", "1", entered, NOW) is None


def test_spaces_do_not_count() -> None:
    """Apps show two groups of three."""
    apps = Authenticators(KEY)
    code = _code(apps, NOW)

    assert apps.step("anna", "1", f" {code[:3]} {code[3:]} ", NOW) is not None


def test_a_secret_is_of_one_person_and_one_key() -> None:
    """So neither the id of another's secret nor a copy of the database helps anybody."""
    apps = Authenticators(KEY)
    secrets = {
        apps.written("anna", "1"),
        apps.written("ben", "1"),
        apps.written("anna", "2"),
        Authenticators(b"another").written("anna", "1"),
    }

    assert len(secrets) == 4
    assert len(apps.written("anna", "1")) == 32
    assert apps.uri("anna", "1", "anna@company.example", "Rechnungen").startswith(
        "otpauth://totp/Rechnungen:"
    )


def test_recovery_codes_are_long_enough_and_forgiving() -> None:
    """Each is of 59 bits; how it is typed does not matter, whose it is does."""
    codes = new_recovery_codes()

    assert len(set(codes)) == RECOVERY_CODES
    assert all(len(code.replace("-", "")) == 12 for code in codes)
    assert recovery_digest("anna", codes[0].upper().replace("-", " ")) == recovery_digest("anna", codes[0])
    assert recovery_digest("ben", codes[0]) != recovery_digest("anna", codes[0])


def _code(apps: Authenticators, at: datetime) -> str:
    totp = TOTP(apps._secret("anna", "1"), 6, SHA1(), STEP_SECONDS)  # noqa: S303  -- what apps know
    return totp.generate(int(at.timestamp())).decode()
