"""Few connections go to one process, many to all of them; on real sockets, whose kernel decides."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest

from ingest.receiving.sockets import open_socket
from ingest.receiving.steering import MANY_SESSIONS, Steering, spread

CONNECTIONS = 40
PATIENCE = 5.0


@dataclass
class Session:
    """As much of one as steering looks at."""

    tls: bool = False
    octets_arrived: int = 0


@dataclass
class Port:
    """A port on which two processes would listen."""

    first: socket.socket
    second: socket.socket

    def connections(self) -> tuple[int, int]:
        """How many of some new connections each of the two gets."""
        found = [0, 0]
        with ExitStack() as clients:
            for _ in range(CONNECTIONS):
                clients.enter_context(socket.create_connection(self.first.getsockname()))
            give_up_at = time.monotonic() + PATIENCE
            while sum(found) < CONNECTIONS and time.monotonic() < give_up_at:
                for number, listening in enumerate((self.first, self.second)):
                    found[number] += _accepted(listening)
        return found[0], found[1]


def _accepted(listening: socket.socket) -> int:
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return 0
    return 1


@pytest.fixture
def port() -> Iterator[Port]:
    """Both listen, the first one first."""
    with closing(open_socket("127.0.0.1:0", shared=True)) as first:
        address = f"127.0.0.1:{first.getsockname()[1]}"
        with closing(open_socket(address, shared=True)) as second:
            yield Port(first, second)


def test_few_sessions_share_one_process_and_many_are_spread(port: Port) -> None:
    """A commit for several mails costs hardly more than one for a single mail."""
    steering = Steering([port.first], processes=2)

    steering.count([Session()])
    few = port.connections()
    steering.count([Session()] * MANY_SESSIONS)
    many = port.connections()
    steering.count([Session()] * (MANY_SESSIONS // 4))
    few_again = port.connections()

    assert few == few_again == (CONNECTIONS, 0)
    assert min(many) > 0
    assert sum(many) == CONNECTIONS


def test_in_between_everything_stays_as_it_is(port: Port) -> None:
    """Else a number of sessions about the limit would turn it with each connection."""
    steering = Steering([port.first], processes=2)
    between = [Session()] * (MANY_SESSIONS // 2)

    steering.count(between)
    before = port.connections()
    steering.count([])
    steering.count(between)
    after = port.connections()

    assert min(before) > 0
    assert after == (CONNECTIONS, 0)


def test_sessions_under_tls_are_spread_sooner(port: Port) -> None:
    """A handshake costs more than what is saved by sharing commits."""
    steering = Steering([port.first], processes=2)
    steering.count([])

    steering.count([Session(tls=True)] * (MANY_SESSIONS // 4))

    assert min(port.connections()) > 0


def test_large_mails_are_spread_where_several_write_at_the_same_time(port: Port) -> None:
    """A process of PostgreSQL's writes the octets of one connection: on two cores two of them are quicker than one."""
    ten = [Session(octets_arrived=512 * 1024)] * 10
    taking_turns = Steering([port.first], processes=2)
    taking_turns.count([])

    taking_turns.count(ten)
    in_turns = port.connections()
    beside_each_other = Steering([port.first], processes=2, writers_at_once=True)
    beside_each_other.count([])
    beside_each_other.count(ten)
    at_once = port.connections()

    assert in_turns == (CONNECTIONS, 0)
    assert min(at_once) > 0


def test_where_the_one_has_died_the_others_get_connections(port: Port) -> None:
    """The parent takes the steering away, from its own copy of the socket."""
    Steering([port.first], processes=2).count([])

    spread([port.first])

    assert min(port.connections()) > 0


def test_a_socket_that_cannot_be_steered_is_left_as_it_is() -> None:
    """One that systemd opened belongs to no group; mail is taken all the same."""
    with closing(open_socket("127.0.0.1:0")) as alone:
        steering = Steering([alone], processes=2)

        steering.count([])
        steering.count([Session()] * MANY_SESSIONS)

        with socket.create_connection(alone.getsockname()):
            assert alone.getsockname()[1] > 0
