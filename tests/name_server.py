"""A DNS server on loopback for tests: knows what it is told, and can fail, be slow or be silent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from dnslib import AAAA, MX, PTR, QTYPE, RCODE, RR, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

SERVFAIL = "SERVFAIL"
SILENT = "SILENT"  # an answer that comes too late for everybody
SLOW = "SLOW:"  # in front of a text: half a second late

Zone = Mapping[str, Sequence[str] | str]  # "TYPE name" to values; a name without records does not exist


class _Answers(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    def __init__(self, zone: Zone) -> None:
        self.zone = {key.lower(): value for key, value in zone.items()}
        self.asked: list[str] = []

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:  # noqa: ARG002  -- dnslib's
        reply = request.reply()
        name = str(request.q.qname).rstrip(".").lower()
        key = f"{QTYPE[request.q.qtype].lower()} {name}"
        self.asked.append(key)
        values = self.zone.get(key, [])
        if values == SERVFAIL:
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        if values == SILENT:
            time.sleep(3)
            return reply
        if not values and not any(known.endswith(f" {name}") for known in self.zone):
            reply.header.rcode = RCODE.NXDOMAIN
        for value in values:
            if value.startswith(SLOW):
                time.sleep(0.5)
            text = value.removeprefix(SLOW)
            reply.add_answer(RR(request.q.qname, request.q.qtype, rdata=_rdata(key, text), ttl=60))
        return reply


def _rdata(key: str, text: str) -> object:
    match key.split(maxsplit=1)[0]:
        case "txt":
            return TXT([text[start : start + 250] for start in range(0, len(text), 250)])
        case "a":
            return A(text)
        case "aaaa":
            return AAAA(text)
        case "mx":
            return MX(text, 10)
        case "ptr":
            return PTR(text)
        case other:
            raise ValueError(other)


@contextmanager
def name_server(zone: Zone) -> Iterator[tuple[str, list[str]]]:
    """Its address as IP:PORT, and the list of what it was asked."""
    answers = _Answers(zone)
    server = DNSServer(answers, port=0, address="127.0.0.1", logger=DNSLogger(log="-request,-reply,-error"))
    server.server.handle_error = lambda *_: None  # an answer that nobody waits for any more
    server.start_thread()
    try:
        yield f"127.0.0.1:{server.server.server_address[1]}", answers.asked
    finally:
        server.server.shutdown()
        server.server.server_close()
        server.thread.join()
