"""DKIM signatures: what counts as authenticated, and what must not, whatever a library says (RFC 6376, 8301, 8463)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.processing.authentication.checking import Trust, check
from ingest.processing.authentication.lookups import Lookups
from storage.records.senders import SenderAuthentication, SenderStatus
from tests import making
from tests.name_server import SERVFAIL, Zone, name_server
from tests.senders.signing import MAIL, SIGNED_FIELDS, Key, ed25519_key, rsa_key, signed

KEY_NAME = "TXT s1._domainkey.supplier.example"
NOTHING = Trust(resolvers=("x",), relays=(), authserv_ids=(), sealers=())


def _check(mail: bytes, zone: Zone) -> SenderAuthentication:
    with name_server(zone) as (address, _):
        return check(Lookups([address]), mail, making.envelope(peer=None), NOTHING, making.NOW)


def _dkim(found: SenderAuthentication) -> list[tuple[str, str]]:
    return [(one.result, one.detail) for one in found.results if one.method == "dkim"]


def _of(key: Key) -> Zone:
    return {KEY_NAME: [key.record]}


@pytest.mark.parametrize(
    "canonicalize",
    [(header, body) for header in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")],
)
@pytest.mark.parametrize("make", [lambda: rsa_key(1024), lambda: rsa_key(2048), ed25519_key])
def test_a_good_signature_authenticates_its_domain(
    make: Callable[[], Key], canonicalize: tuple[bytes, bytes]
) -> None:
    """In each canonicalization, with each kind of key."""
    key = make()

    found = _check(signed(key=key, canonicalize=canonicalize), _of(key))

    assert _dkim(found) == [("pass", "")]
    assert (found.status, found.domain) == (SenderStatus.AUTHENTICATED, "supplier.example")


def test_relaxed_survives_what_relays_do_and_simple_does_not() -> None:
    """Other spaces in a field: the same mail for relaxed, another one for simple (RFC 6376 3.4)."""
    key = rsa_key(1024)

    def changed(header: bytes) -> list[tuple[str, str]]:
        mail = signed(key=key, canonicalize=(header, b"relaxed"))
        return _dkim(_check(mail.replace(b"Subject: Invoice 17", b"Subject:   Invoice  17"), _of(key)))

    assert changed(b"relaxed") == [("pass", "")]
    assert changed(b"simple") == [("fail", "the signature does not fit the mail")]


def test_a_changed_content_fails() -> None:
    """One sign is enough: here the account number could have been changed."""
    key = rsa_key(1024)

    found = _check(signed(key=key).replace(b"attached", b"Attached"), _of(key))

    assert _dkim(found) == [("fail", "the content was changed")]
    assert found.status is SenderStatus.NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("mail", "zone", "result"),
    [
        (lambda: signed(key=rsa_key(512)), lambda: _of(rsa_key(512)), ("policy", "the key is too short")),
        (
            lambda: signed(key=rsa_key(1024), length=True) + b"<h1>Pay to another account</h1>\r\n",
            lambda: _of(rsa_key(1024)),
            ("policy", "it covers only the beginning of the content (l=)"),
        ),
        (
            lambda: signed(key=rsa_key(1024), length=True),
            lambda: _of(rsa_key(1024)),
            ("policy", "it covers only the beginning of the content (l=)"),
        ),
        (
            lambda: b"Subject: Pay now\r\n" + signed(key=rsa_key(1024)),
            lambda: _of(rsa_key(1024)),
            ("policy", "the mail has more than one Subject field"),
        ),
        (
            lambda: signed(key=rsa_key(1024), expires=-12 * 3600),
            lambda: _of(rsa_key(1024)),
            ("fail", "it has expired"),
        ),
        (
            lambda: signed(key=rsa_key(1024)),
            dict,
            ("permerror", "there is no key"),
        ),
        (
            lambda: signed(key=rsa_key(1024)),
            lambda: {KEY_NAME: ["v=DKIM1; k=rsa; p="]},
            ("permerror", "the key is unusable"),
        ),
        (
            lambda: signed(key=rsa_key(1024)),
            lambda: _of(rsa_key(2048)),
            ("fail", "the signature does not fit the mail"),
        ),
        (
            lambda: signed(key=rsa_key(1024)).replace(b"v=1;", b"v=2;", 1),
            lambda: _of(rsa_key(1024)),
            ("permerror", "it is malformed"),
        ),
    ],
    ids=[
        *("512-bits", "l-and-text-added", "l-alone", "second-subject", "expired", "no-key", "revoked-key"),
        *("another-key", "unknown-version"),
    ],
)
def test_what_must_not_authenticate(
    mail: Callable[[], bytes], zone: Callable[[], Zone], result: tuple[str, str]
) -> None:
    """Each of these has authenticated a forged mail somewhere."""
    found = _check(mail(), zone())

    assert _dkim(found) == [result]
    assert (found.status, found.domain) == (SenderStatus.NOT_AUTHENTICATED, None)


@pytest.mark.parametrize("second", [b"From: boss@company.example\r\n", b"From: billing@supplier.example\r\n"])
def test_two_from_fields_are_never_authenticated(second: bytes) -> None:
    """Which of them people see depends on their program; wherever the second one stands."""
    key = rsa_key(1024)
    for mail in (second + signed(key=key), signed(second + MAIL, key=key), signed(MAIL + second, key=key)):
        if mail.count(b"From: ") != 2 or mail.endswith(second):
            continue  # behind the header it is text

        found = _check(mail, _of(key))

        assert (found.status, found.domain) == (SenderStatus.NOT_AUTHENTICATED, None)
        assert found.reason == "it does not have exactly one From address"


def test_two_addresses_in_one_from_field_are_not_authenticated() -> None:
    """RFC 5322 allows it; no program shows whom the signature is of."""
    key = rsa_key(1024)
    mail = MAIL.replace(b"<billing@supplier.example>", b"<billing@supplier.example>, boss@company.example")

    assert _check(signed(mail, key=key), _of(key)).status is SenderStatus.NOT_AUTHENTICATED


def test_a_signature_of_another_domain_proves_nothing() -> None:
    """Anybody can sign with a domain of their own."""
    key = rsa_key(1024)
    zone = {"TXT s1._domainkey.mailer.example": [key.record]}

    found = _check(signed(key=key, domain="mailer.example"), zone)

    assert _dkim(found) == [("pass", "")]
    assert found.status is SenderStatus.NOT_AUTHENTICATED


def test_a_domain_that_lies_above_or_beside_speaks_for_from() -> None:
    """Relaxed alignment (RFC 7489 3.1.1): the same organizational domain, but not that of a public suffix."""
    key = rsa_key(1024)
    below = MAIL.replace(b"billing@supplier.example", b"billing@mail.supplier.example")
    neighbour = MAIL.replace(b"billing@supplier.example", b"billing@two.co.uk")

    assert _check(signed(below, key=key), _of(key)).domain == "supplier.example"
    found = _check(
        signed(neighbour, key=key, domain="one.co.uk"), {"TXT s1._domainkey.one.co.uk": [key.record]}
    )
    assert found.status is SenderStatus.NOT_AUTHENTICATED


def test_a_dns_that_fails_is_no_verdict() -> None:
    """Neither authenticated nor forged: it is checked again (RFC 8601 2.7.1)."""
    found = _check(signed(key=rsa_key(1024)), {KEY_NAME: SERVFAIL})

    assert [result for result, _ in _dkim(found)] == ["temperror"]
    assert (found.status, found.domain) == (SenderStatus.TEMPERROR, None)


def test_one_good_signature_among_bad_ones_is_enough() -> None:
    """Forwarders add theirs; only the first five are looked at, so that nobody can keep us busy."""
    key = rsa_key(1024)
    other = signed(key=key, domain="other.example").partition(b"From: ")[0]
    zone = {**_of(key), "TXT s1._domainkey.other.example": SERVFAIL}

    few = _check(other + signed(key=key), zone)
    many = _check(other * 5 + signed(key=key), zone)

    assert [result for result, _ in _dkim(few)] == ["temperror", "pass"]
    assert few.status is SenderStatus.AUTHENTICATED
    assert len(_dkim(many)) == 5


def test_a_record_in_several_pieces_is_one_key() -> None:
    """A key of 2048 bits does not fit into one string of a TXT record (RFC 6376 3.6.2.2)."""
    key = rsa_key(2048)
    assert len(key.record) > 255

    assert _dkim(_check(signed(key=key), _of(key))) == [("pass", "")]


def test_no_signature_has_no_result() -> None:
    """And nothing is known of the sender then."""
    found = _check(MAIL, {})

    assert _dkim(found) == []
    assert found.status is SenderStatus.NOT_AUTHENTICATED


def test_signing_covers_what_the_tests_say() -> None:
    """The trap of the second Subject is one only where Subject is signed."""
    assert b"subject" in SIGNED_FIELDS
