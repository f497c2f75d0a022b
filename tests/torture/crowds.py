"""Scenarios with strange clients: sessions full of nonsense, and peers that take their time."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

from bench.processes import sample
from tests.torture.lane import Lane, Outcome

_AT_ONCE = 50
_MEMORY_MIB = 32
_P99_SECONDS = 1.0
_REPLY = re.compile(rb"(?:[2345][0-9]{2}-[ -~]*\r\n)*[2345][0-9]{2} [ -~]*\r\n")

_VERB = some.sampled_from(
    [
        *(
            b"HELO",
            b"EHLO",
            b"MAIL",
            b"RCPT",
            b"DATA",
            b"BDAT",
            b"RSET",
            b"NOOP",
            b"VRFY",
            b"QUIT",
            b"STARTTLS",
        ),
        *(b"AUTH", b"XCLIENT", b"ETRN", b"LHLO", b"HELP", b"", b"\0", b"\xff\xfe", b"PROXY TCP4"),
    ]
)
_GOOD = some.sampled_from(
    [
        *(b"EHLO fuzz.example", b"HELO fuzz", b"MAIL FROM:<a@b.example>", b"MAIL FROM:<>"),
        *(b"MAIL FROM:<a@b.example> SIZE=99 BODY=8BITMIME SMTPUTF8", b"RCPT TO:<c@company.example>"),
        *(b"RCPT TO:<@x.example:c@d.example>", b"DATA", b"RSET", b"NOOP x", b"AUTH PLAIN ="),
        *(b"BDAT 5", b"BDAT 0 LAST", b"BDAT 12 LAST", b"BDAT 99999999999999999999"),
    ]
)
_ARGUMENT = some.one_of(
    some.binary(max_size=60),
    some.sampled_from(
        [b"FROM:<", b"TO:<>", b"FROM:<a@b> X=", b'TO:<"a\\', b"<" * 400, b" " * 3000, b"A" * 9000]
    ),
)
_END = some.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"", b"\r\n.\r\n", b"\r\n\r\n"])
_CONTENT = some.sampled_from(
    [
        *(b".\r\n", b"Subject: x\r\n\r\nhello\r\n.\r\n", b"\r\n.\r\n", b"a\n.\nb\r.\r\n.\r\n", b"no end"),
        *(b"x" * 5000 + b"\r\n.\r\n", b"Received: a\r\n" * 120 + b"\r\n.\r\n", b".." * 900 + b"\r\n.\r\n"),
        b"\0\r\n.\r\n",
    ]
)
_LINE = some.one_of(
    some.tuples(_GOOD, _END),
    some.tuples(_GOOD, _END),
    some.tuples(some.tuples(_VERB, some.just(b" "), _ARGUMENT).map(b"".join), _END),
    some.tuples(_CONTENT, some.just(b"")),
).map(b"".join)
_SESSIONS = some.lists(some.lists(_LINE, max_size=14).map(b"".join), min_size=_AT_ONCE, max_size=_AT_ONCE)


def fuzzed(folder: Path, times: int) -> Outcome:
    """Sessions of right and wrong commands, pipelined without waiting: each reply is one, and nothing breaks."""
    outcome = Outcome("fuzzed sessions")
    lane = Lane(folder, outcome, {"SMTP__PROCESSES": "2"})
    lane.start()
    before: list[int] = []

    @seed(20_261_124)
    @settings(
        max_examples=-(-times // _AT_ONCE),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_SESSIONS)
    def fuzz(sessions: list[bytes]) -> None:
        for said, heard in zip(sessions, _all_said(lane.port, sessions), strict=True):
            right = heard is None or _REPLY.fullmatch(heard) or not _without_replies(heard)
            outcome.must(bool(right), f"{heard!r} is no reply, to {said!r}")
        outcome.times += len(sessions)
        if not before and outcome.times > times // 10:
            before.append(_memory(lane))

    with lane.sending(sessions=2):
        fuzz()
        grown = (_memory(lane) - before[0]) / 1024**2
        outcome.must(grown < _MEMORY_MIB, f"memory has grown by {grown:.0f} MiB")
        lane.wait_for_mail(time.monotonic())
    outcome.must(not lane.mailbox.events("failed"), "a session failed by an error of ours")
    _judge_with_strangers(lane)
    return outcome


def slow_peers(folder: Path, seconds: int) -> Outcome:
    """200 peers that say an octet a second, do not read, or say nothing, beside honest ones."""
    outcome = Outcome("200 slow peers beside honest ones", 200)
    lane = Lane(folder, outcome)
    lane.start()
    over = threading.Event()
    slow = [threading.Thread(target=_dawdle, args=(lane.port, kind, over)) for kind in range(4)]
    for thread in slow:
        thread.start()
    time.sleep(2)
    with lane.sending(sessions=10):
        time.sleep(seconds)
    over.set()
    for thread in slow:
        thread.join()
    waits = sorted(one.seconds for one in lane.list().taken.values())
    outcome.p99 = waits[len(waits) * 99 // 100] if waits else None
    outcome.must(outcome.p99 is not None and outcome.p99 < _P99_SECONDS, "honest peers wait for slow ones")
    _judge_with_strangers(lane)
    return outcome


def _judge_with_strangers(lane: Lane) -> None:
    """Strangers may have sent mails, too; those bear no key."""
    lane.judge()
    outcome = lane.outcome
    outcome.troubles = [
        one for one in outcome.troubles if not one.startswith("a mail on record was never sent")
    ]


def _without_replies(heard: bytes) -> bytes:
    return re.sub(rb"[2345][0-9]{2}[ -][ -~]*\r\n", b"", heard)


def _memory(lane: Lane) -> int:
    return sample(lane.pid).together


def _all_said(port: int, sessions: list[bytes]) -> list[bytes | None]:
    """Says each on a connection of its own, all at once; what was heard, None where the connection broke."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in sessions]
    for client, said in zip(clients, sessions, strict=True):
        with suppress(OSError):
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
    return [_heard(client) for client in clients]


def _heard(client: socket.socket) -> bytes | None:
    heard = b""
    with client:
        try:
            while more := client.recv(65536):
                heard += more
        except ConnectionError:
            return None
    return heard


_SLOW_WORDS = (
    b"EHLO slow.example and a very long name of it\r\n" * 50,
    b"Subject: slow\r\n" * 500,
)


def _dawdle(port: int, kind: int, over: threading.Event) -> None:
    """50 peers of a kind: slow in commands, slow in a mail, not reading, saying nothing."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(50)]
    if kind == 1:
        for client in clients:
            client.sendall(
                b"EHLO slow.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@company.example>\r\nDATA\r\n"
            )
    position = 0
    while not over.wait(1.0):
        for client in clients:
            with suppress(OSError):
                if kind < 2:
                    client.sendall(_SLOW_WORDS[kind][position : position + 1])
                elif kind == 2 and select.select([], [client], [], 0)[1]:
                    client.send(b"NOOP\r\n" * 2000)
        position += 1
    for client in clients:
        client.close()
