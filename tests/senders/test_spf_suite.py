"""The public test suite of SPF (RFC 7208), which pyspf's source package brings: each of its cases ends as it says.

It is no part of this project: INVOICES_TEST_SPF_SUITE names the file rfc7208-tests.yml.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dnslib import AAAA, CNAME, MX, PTR, QTYPE, RCODE, RR, TXT, A, DNSLabel, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from ingest.processing.authentication.lookups import Lookups
from ingest.processing.authentication.sender_policy import check_spf
from tests.peers import programs

_SUITE = programs.find("spf-suite")
_QUERY_SECONDS = 20  # for a machine that has much else to do


def _scenarios() -> list[dict[str, Any]]:
    if _SUITE is None:
        return []
    return list(yaml.safe_load_all(Path(_SUITE).read_text("utf-8")))


_SCENARIOS = _scenarios()


class _Zone(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    """The zone of a scenario; a record SPF stands for a TXT record, unless the name has some of its own."""

    def __init__(self, zone: dict[str, list[Any]]) -> None:
        self.records: dict[str, dict[str, list[Any]]] = {}
        self.silent: set[str] = set()
        for name, entries in zone.items():
            found: dict[str, list[Any]] = defaultdict(list)
            for entry in entries:
                if entry == "TIMEOUT":
                    self.silent.add(_key(name))
                else:
                    [(kind, value)] = entry.items()
                    found[kind].append(value)
            if "TXT" not in found:
                found["TXT"] = found["SPF"]
            # A text without any string is no record that a name server could send.
            found["TXT"] = [value for value in found["TXT"] if value not in ("NONE", [])]
            self.records[_key(name)] = found

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:  # noqa: ARG002  -- dnslib's
        reply = request.reply()
        name, kind = request.q.qname, QTYPE[request.q.qtype]
        for _ in range(8):
            found = self.records.get(_asked(name))
            if found is None:
                reply.header.rcode = RCODE.NXDOMAIN
                return reply
            if _asked(name) in self.silent and not found[kind]:
                reply.header.rcode = RCODE.SERVFAIL  # what a resolver says of servers that are silent
                return reply
            if not found["CNAME"]:
                break
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(found["CNAME"][0]), ttl=60))
            name = DNSLabel(found["CNAME"][0])
        for value in found[kind]:
            reply.add_answer(RR(name, request.q.qtype, rdata=_rdata(kind, value), ttl=60))
        return reply


def _key(name: str) -> str:
    return name.rstrip(".").lower()


def _asked(name: DNSLabel) -> str:
    return b".".join(name.label).decode("latin-1").lower()


def _rdata(kind: str, value: Any) -> object:
    match kind:
        case "TXT":
            parts = value if isinstance(value, list) else [value]
            return TXT([piece for part in parts for piece in _pieces(part)])
        case "MX":
            return MX(value[1], value[0])
        case "A":
            return A(value)
        case "AAAA":
            return AAAA(value)
        case "PTR":
            return PTR(value)
        case other:
            raise ValueError(other)


def _pieces(text: str) -> list[bytes]:
    octets = text.encode("utf-8")
    return [octets[start : start + 250] for start in range(0, len(octets) or 1, 250)]


@contextmanager
def _served(zone: dict[str, list[Any]]) -> Iterator[str]:
    quiet = DNSLogger(log="-request,-reply,-error")
    server = DNSServer(_Zone(zone), port=0, address="127.0.0.1", logger=quiet)
    server.server.handle_error = lambda *_: None  # an answer that nobody waits for any more
    server.start_thread()
    try:
        yield f"127.0.0.1:{server.server.server_address[1]}"
    finally:
        server.server.shutdown()
        server.server.server_close()
        server.thread.join()


@pytest.mark.parametrize(
    "scenario", _SCENARIOS, ids=lambda scenario: scenario["description"].replace(" ", "-")
)
def test_the_public_suite_ends_as_it_says(scenario: dict[str, Any]) -> None:
    """Whoever publishes a policy relies on every receiver reading it alike."""
    wrong = {}
    with _served(scenario.get("zonedata", {})) as address:
        for name, case in scenario["tests"].items():
            expected = case["result"] if isinstance(case["result"], list) else [case["result"]]
            lookups = Lookups([address], query_seconds=_QUERY_SECONDS)
            lookups.begin(_QUERY_SECONDS)
            found = check_spf(lookups, case["host"], case["mailfrom"], case["helo"])
            if found.result not in expected:
                wrong[name] = (found.result, found.detail, expected)

    assert wrong == {}


def test_the_suite_is_whole() -> None:
    """A file that was cut off would prove less than it seems to."""
    assert sum(len(scenario["tests"]) for scenario in _SCENARIOS) >= 203
