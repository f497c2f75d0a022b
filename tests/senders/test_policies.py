"""SPF, DMARC, ARC and our relay's own results: when they speak for the From domain, and whom we ask about."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ingest.processing.authentication.authentication_results import authserv_id, read_results
from ingest.processing.authentication.checking import Trust, check
from ingest.processing.authentication.lookups import Lookups, LookupTrouble
from storage.companies.public_suffixes import organizational_domain
from storage.records.senders import SenderAuthentication, SenderStatus
from tests import making
from tests.name_server import SERVFAIL, SILENT, SLOW, Zone, name_server
from tests.senders.signing import MAIL, rsa_key, sealed, signed

CLIENT = "203.0.113.5"
OWN = Trust(
    resolvers=("x",),
    relays=("127.0.0.0/8",),
    authserv_ids=("mx.company.example",),
    sealers=("forwarder.example",),
)


def _check(mail: bytes, zone: Zone, trust: Trust = OWN, **envelope: Any) -> SenderAuthentication:
    with name_server(zone) as (address, _):
        values = {"peer": CLIENT, "helo": "out.supplier.example"} | envelope
        return check(Lookups([address], query_seconds=1), mail, making.envelope(**values), trust, making.NOW)


def _result(found: SenderAuthentication, method: str) -> str:
    return next(one.result for one in found.results if one.method == method)


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 ip4:203.0.113.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1 a:out.supplier.example -all", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 include:_spf.mailer.example -all", "pass"),
        ("v=spf1 redirect=_spf.mailer.example", "pass"),
        ("v=spf1 include:nobody.example -all", "permerror"),
        ("v=spf1 include:down.example -all", "temperror"),
        ("v=spf1 include:supplier.example -all", "permerror"),
        ("v=spf1 nonsense", "permerror"),
        ("v=spf2 all", "none"),
        ("v=spf1 exists:%{i}._spf.supplier.example -all", "pass"),
    ],
)
def test_spf_says_what_the_domain_published(record: str, result: str) -> None:
    """RFC 7208: mechanisms, a loop, a name that is not there, a DNS that fails."""
    zone: Zone = {
        "TXT supplier.example": [record],
        "A out.supplier.example": [CLIENT],
        "MX supplier.example": ["out.supplier.example"],
        "TXT _spf.mailer.example": ["v=spf1 ip4:203.0.113.5 -all"],
        "TXT down.example": SERVFAIL,
        f"A {CLIENT}._spf.supplier.example": ["127.0.0.2"],
    }

    found = _check(MAIL, zone)

    assert _result(found, "spf") == result
    expected = {"pass": SenderStatus.AUTHENTICATED, "temperror": SenderStatus.TEMPERROR}
    assert found.status is expected.get(result, SenderStatus.NOT_AUTHENTICATED)


def test_two_spf_records_are_an_error() -> None:
    """RFC 7208 4.5: nobody can say which of them holds."""
    zone: Zone = {"TXT supplier.example": ["v=spf1 ip4:203.0.113.5 -all", "v=spf1 -all"]}

    assert _result(_check(MAIL, zone), "spf") == "permerror"


def test_a_notification_is_judged_by_the_helo_name() -> None:
    """Its reverse-path is empty (RFC 7208 2.4)."""
    zone: Zone = {"TXT out.supplier.example": ["v=spf1 ip4:203.0.113.5 -all"]}

    found = _check(MAIL, zone, reverse_path="")

    assert _result(found, "spf") == "pass"
    assert found.domain == "supplier.example"


def test_behind_our_relay_its_trace_field_names_the_client() -> None:
    """The relay saw who connected; what stands below its field anybody may have written."""
    trace = (
        b"Received: from out.supplier.example (out.supplier.example [203.0.113.5])\r\n"
        b"\tby mx.company.example (Postfix) with ESMTPS; Tue, 24 Nov 2026 10:00:00 +0100\r\n"
        b"Received: from trusted (localhost [198.51.100.1]) by out.supplier.example; Tue, 24 Nov 2026\r\n"
    )
    zone: Zone = {"TXT supplier.example": ["v=spf1 ip4:203.0.113.5 -all"]}

    inside = _check(trace + MAIL, zone, peer="127.0.0.1")
    outside = _check(trace + MAIL, zone, peer="198.51.100.99")

    assert (inside.client, inside.status) == (CLIENT, SenderStatus.AUTHENTICATED)
    assert (outside.client, outside.status) == ("198.51.100.99", SenderStatus.NOT_AUTHENTICATED)
    assert len(inside.hops) == 2


def test_a_client_of_our_own_network_is_looked_through() -> None:
    """Two servers of ours in a row; beyond them stands the stranger."""
    trace = (
        b"Received: from inner (inner [127.0.0.9]) by gateway.company.example; x\r\n"
        b"Received: from out ([IPv6:2001:db8::5]) by inner; x\r\n"
    )

    assert _check(trace + MAIL, {}, peer="127.0.0.1").client == "2001:db8::5"


@pytest.mark.parametrize(
    ("record", "signer", "result", "status"),
    [
        ("v=DMARC1; p=reject", "supplier.example", "pass", SenderStatus.AUTHENTICATED),
        ("v=DMARC1; p=reject", "other.example", "fail", SenderStatus.FAILED),
        ("v=DMARC1; p=none", "other.example", "fail", SenderStatus.NOT_AUTHENTICATED),
        ("v=DMARC1; p=reject; adkim=s", "supplier.example", "pass", SenderStatus.AUTHENTICATED),
        ("v=DMARC1; p=reject; adkim=s", "mail.supplier.example", "fail", SenderStatus.FAILED),
        ("v=DMARC1; p=reject; adkim=r", "mail.supplier.example", "pass", SenderStatus.AUTHENTICATED),
        ("v=DMARC1; p=nonsense", "supplier.example", "none", SenderStatus.AUTHENTICATED),
        ("p=reject; v=DMARC1", "supplier.example", "none", SenderStatus.AUTHENTICATED),
        ("v=DMARC1; rua=mailto:a@b.example", "other.example", "fail", SenderStatus.NOT_AUTHENTICATED),
    ],
)
def test_dmarc_holds_dkim_to_the_from_domain(
    record: str, signer: str, result: str, status: SenderStatus
) -> None:
    """RFC 7489: alignment as strict as the domain wants it, and what it wants done."""
    key = rsa_key(1024)
    zone: Zone = {"TXT _dmarc.supplier.example": [record], f"TXT s1._domainkey.{signer}": [key.record]}

    found = _check(signed(key=key, domain=signer), zone, peer=None)

    assert (_result(found, "dmarc"), found.status) == (result, status)


def test_the_policy_of_subdomains_comes_from_the_organizational_domain() -> None:
    """sp= where it is given (RFC 7489 6.3)."""
    mail = MAIL.replace(b"@supplier.example>\r\nTo", b"@mail.supplier.example>\r\nTo")
    zone: Zone = {"TXT _dmarc.supplier.example": ["v=DMARC1; p=none; sp=reject"]}

    found = _check(mail, zone, peer=None)

    assert [(one.result, one.detail) for one in found.results if one.method == "dmarc"] == [
        ("fail", "policy reject")
    ]


@pytest.mark.parametrize(
    ("domain", "organizational"),
    [
        ("a.b.supplier.example", "supplier.example"),
        ("mail.one.co.uk", "one.co.uk"),
        ("co.uk", "co.uk"),
        ("SUPPLIER.example.", "supplier.example"),
    ],
)
def test_the_organizational_domain_is_what_somebody_registered(domain: str, organizational: str) -> None:
    """By the public suffix list."""
    assert organizational_domain(domain) == organizational


MICROSOFT = (
    "spf=pass (sender IP is 203.0.113.5) smtp.mailfrom=supplier.example; dkim=pass (signature was verified)"
    " header.d=supplier.example;dmarc=pass action=none header.from=supplier.example;compauth=pass reason=100"
)


def test_what_our_relay_wrote_on_top_counts() -> None:
    """Under its own name, from its own network, and only the topmost of these fields."""
    own = b"Authentication-Results: mx.company.example 1;\r\n\tdmarc=pass (p=reject) header.from=supplier.example\r\n"
    forged = b"Authentication-Results: mx.company.example; dmarc=fail header.from=supplier.example\r\n"
    elsewhere = b"Authentication-Results: mx.other.example; dmarc=pass header.from=supplier.example\r\n"

    def status(mail: bytes, peer: str = "127.0.0.1") -> SenderStatus:
        return _check(mail, {}, peer=peer).status

    assert status(own + forged + MAIL) is SenderStatus.AUTHENTICATED
    assert status(forged + own + MAIL) is SenderStatus.NOT_AUTHENTICATED
    assert status(elsewhere + own + MAIL) is SenderStatus.NOT_AUTHENTICATED
    assert status(own + MAIL, peer=CLIENT) is SenderStatus.NOT_AUTHENTICATED
    assert status(own.replace(b"supplier", b"mailer") + MAIL) is SenderStatus.NOT_AUTHENTICATED
    assert status(b"From: x@y.example\r\n" + own + MAIL) is SenderStatus.NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("value", "identity", "results"),
    [
        (
            MICROSOFT,
            "spf=pass",
            [
                ("dkim", "pass", "supplier.example"),
                ("dmarc", "pass", "supplier.example"),
                ("compauth", "pass", None),
            ],
        ),
        (
            f"mx.company.example; {MICROSOFT}",
            "mx.company.example",
            [
                ("spf", "pass", "supplier.example"),
                ("dkim", "pass", "supplier.example"),
                ("dmarc", "pass", "supplier.example"),
                ("compauth", "pass", None),
            ],
        ),
        ("mx.example 1; none", "mx.example", []),
        (
            'mx.example; dkim=pass (a; dmarc=pass header.from=evil.example; (b)) header.i="@x.example"',
            "mx.example",
            [("dkim", "pass", "x.example")],
        ),
        ("", "", []),
        (";;;=;(((", "", []),
        ("mx.example; spf=Fail smtp.mailfrom=a@b.example", "mx.example", [("spf", "fail", "b.example")]),
    ],
)
def test_an_authentication_results_field_is_read(
    value: str, identity: str, results: list[tuple[str, str, str | None]]
) -> None:
    """RFC 8601 with comments, versions, and as Microsoft writes it; comments say nothing."""
    assert authserv_id(value) == identity
    assert [(one.method, one.result, one.domain) for one in read_results(value)] == results


ARC_KEYS: Zone = {
    "TXT s1._domainkey.forwarder.example": [rsa_key(1024).record],
    "TXT s1._domainkey.stranger.example": [rsa_key(1024).record],
}
TOLD = "dmarc=pass header.from=supplier.example"


@pytest.mark.parametrize(
    ("sealer", "told", "change", "arc", "status"),
    [
        ("forwarder.example", TOLD, b"", "pass", SenderStatus.AUTHENTICATED),
        ("stranger.example", TOLD, b"", "pass", SenderStatus.NOT_AUTHENTICATED),
        ("forwarder.example", TOLD, b"and more", "fail", SenderStatus.NOT_AUTHENTICATED),
        (
            "forwarder.example",
            "dmarc=fail header.from=supplier.example",
            b"",
            "pass",
            SenderStatus.NOT_AUTHENTICATED,
        ),
        (
            "forwarder.example",
            "dmarc=pass header.from=else.example",
            b"",
            "pass",
            SenderStatus.NOT_AUTHENTICATED,
        ),
    ],
    ids=["trusted", "a-stranger", "changed-behind-it", "told-a-failure", "told-of-another"],
)
def test_arc_counts_from_sealers_that_are_trusted(
    sealer: str, told: str, change: bytes, arc: str, status: SenderStatus
) -> None:
    """Anybody can seal a claim that all was well (RFC 8617 9.1), so only listed forwarders are believed."""
    found = _check(sealed(MAIL, told=told, domain=sealer, key=rsa_key(1024)) + change, ARC_KEYS, peer=None)

    assert (_result(found, "arc"), found.status) == (arc, status)


def test_an_arc_chain_without_end_is_not_followed() -> None:
    """Each set costs a digest of the whole mail; fifty are allowed."""
    seals = b"".join(
        b"ARC-Seal: i=%d; a=rsa-sha256; d=x.example; s=s; cv=pass; b=x\r\n" % n for n in range(1, 51)
    )

    assert _result(_check(seals + MAIL, {}, peer=None), "arc") == "policy"


def test_a_slow_dns_is_waited_for_and_a_silent_one_is_not() -> None:
    """Half a second is an answer; three seconds are none, and end as temperror within the limit of a look-up."""
    slow = _check(MAIL, {"TXT supplier.example": [f"{SLOW}v=spf1 ip4:203.0.113.5 -all"]})
    began = time.monotonic()
    silent = _check(MAIL, {"TXT supplier.example": SILENT})

    assert slow.status is SenderStatus.AUTHENTICATED
    assert (_result(silent, "spf"), silent.status) == ("temperror", SenderStatus.TEMPERROR)
    assert time.monotonic() - began < 3.5


def test_without_any_resolver_nothing_is_waited_for() -> None:
    """An installation without DNS files as fast as any; the reason says why nothing is known."""
    nobody = Trust(resolvers=(), relays=(), authserv_ids=(), sealers=())
    began = time.monotonic()

    found = check(Lookups([]), MAIL, making.envelope(peer=CLIENT), nobody, making.NOW)

    assert time.monotonic() - began < 1
    assert found.status is SenderStatus.TEMPERROR
    assert found.reason == "nothing is looked up, for authentication.resolvers is empty"


def test_a_dns_that_never_answers_is_not_asked_again_and_again() -> None:
    """After three silences in a row nobody is kept waiting for half a minute."""
    zone: Zone = {f"TXT s{number}.example": SILENT for number in range(9)}
    with name_server(zone) as (address, asked):
        lookups = Lookups([address], query_seconds=0.2)
        for number in range(9):
            with pytest.raises(LookupTrouble):
                lookups.texts(f"s{number}.example")

    assert len({one for one in asked if one.startswith("txt s")}) == 3


def test_what_is_known_is_not_asked_twice() -> None:
    """Names without records are remembered, too."""
    with name_server({"TXT a.example": ["x"]}) as (address, asked):
        lookups = Lookups([address])
        answers = [lookups.texts(name) for name in ("a.example", "A.example", "b.example", "b.example")]

    assert answers == [[b"x"], [b"x"], [], []]
    assert asked == ["txt a.example", "txt b.example"]


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example", ".", "", "a b.example", "ünï.example"])
def test_a_name_that_cannot_be_has_no_records(name: str) -> None:
    """Senders choose these names."""
    with name_server({}) as (address, _):
        assert Lookups([address]).texts(name) == []
