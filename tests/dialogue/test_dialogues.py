"""Plays the conversations of fixtures/dialogues against a real listener.

A dialogue is a text file, one step a line:

    # what this conversation shows (the first such line is its title)
    ! setting = value          a setting of the listener or of the store, before the first step
    c -> text                  the client sends a line (CRLF is added)
    c ->> text                 the client sends exactly this
    c <- text                  the client must get this line; "..." stands for anything
    c <> close                 the connection must be at its end
    c <> silence               nothing may come for a moment
    c <> tls | leave | half-close
    s <- fact = value          what the store must hold: mails, octets, reverse_path, forward_paths, tls, helo
    l <- event = value         the log must hold such an event, its facts written as key=value, "..." allowed

Other letters than s and l are further clients.  In texts \\r \\n \\t \\0 \\\\ \\xNN are octets, and {70000*x} is x that
many times.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

DIALOGUES = sorted((Path(__file__).parents[2] / "fixtures" / "dialogues").glob("*.txt"))
SILENCE_SECONDS = 0.15
STEP = re.compile(r"(\w+) (->>|->|<-|<>)(?: (.*))?")
ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[rnt0\\])")
REPEAT = re.compile(rb"\{(\d+)\*([^{}]*)\}")
SIGNS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
NUMBERS = {
    *("max_message_bytes", "max_sessions", "max_sessions_per_peer", "max_command_octets", "max_recipients"),
    *("max_content_line_octets", "max_header_octets", "max_hops", "max_errors", "max_failed_logins"),
    *("max_idle_commands", "max_commands", "min_octets_per_second"),
}
SECONDS = {"timeout_seconds", "patience_seconds"}
LISTS = {"accepted_domains", "relays", "known", "proxies", "xclient"}


@dataclass
class Dialogue:
    """A conversation as written."""

    settings: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[int, str, str, str]] = field(default_factory=list)  # line number, who, sign, text


def octets(text: str) -> bytes:
    """The octets that a text of a dialogue stands for."""
    raw = ESCAPE.sub(
        lambda sign: SIGNS.get(sign[1]) or bytes.fromhex(sign[1][1:].decode()), text.encode("utf-8")
    )
    return REPEAT.sub(lambda times: int(times[1]) * times[2], raw)


def setting(name: str, value: str) -> Any:
    """A setting's value in the type that the listener wants."""
    if name in NUMBERS:
        return int(value)
    if name in LISTS:
        return value.split()
    if name in SECONDS:
        return float(value)
    return {"true": True, "false": False}.get(value, value)


def read_dialogue(path: Path) -> Dialogue:
    """Read a file; a line that is no step is an error of the fixture."""
    dialogue = Dialogue()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.startswith("! "):
            name, _, value = line[2:].partition(" = ")
            dialogue.settings[name] = setting(name, value)
        elif line and not line.startswith("#"):
            step = STEP.fullmatch(line)
            assert step is not None, f"{path.name}:{number}: not a step: {line}"
            dialogue.steps.append((number, step[1], step[2], step[3] or ""))
    return dialogue


def matches(pattern: bytes, line: bytes) -> bool:
    """Whether a line is as expected; "..." stands for anything."""
    return re.fullmatch(b".*".join(map(re.escape, pattern.split(b"..."))), line, re.DOTALL) is not None


class Player:
    """Carries out the steps."""

    def __init__(self, box: Any) -> None:
        self.box = box
        self.clients: dict[str, Any] = {}

    async def step(self, who: str, sign: str, text: str) -> None:
        if who == "s":
            self.check_store(text)
        elif who == "l":
            await self.check_log(text)
        else:
            if who not in self.clients:
                self.clients[who] = await self.box.connect()
            await self.talk(self.clients[who], sign, text)

    async def talk(self, client: Any, sign: str, text: str) -> None:
        if sign in {"->", "->>"}:
            await client.send(octets(text) + (b"\r\n" if sign == "->" else b""))
        elif sign == "<-":
            line = await client.line()
            assert matches(octets(text) + b"\r\n", line), f"expected {text!r}, got {line!r}"
        else:
            await self.happen(client, text)

    async def happen(self, client: Any, what: str) -> None:
        if what == "close":
            assert await client.rest() == b""
            await client.close()
        elif what == "silence":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.readexactly(1), SILENCE_SECONDS)
        elif what == "tls":
            await client.start_tls()
        elif what == "half-close":
            client.writer.write_eof()
        else:
            assert what == "leave"
            await client.close()

    def check_store(self, text: str) -> None:
        fact, _, value = text.partition(" = ")
        mails = self.box.store.mails
        if fact == "mails":
            assert int(value) == len(mails)
        elif fact == "octets":
            assert octets(value) == mails[-1].octets
        elif fact == "forward_paths":
            assert value == " ".join(mails[-1].envelope.forward_paths)
        else:
            assert value == str(getattr(mails[-1].envelope, fact))

    async def check_log(self, text: str) -> None:
        event, _, value = text.partition(" = ")

        def found() -> bool:
            facts = [
                " ".join(f"{key}={fact}" for key, fact in each.items() if key != "session")
                for each in self.box.log.of(event)
            ]
            return any(matches(value.encode(), line.encode()) for line in facts)

        await self.box.until(found)


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_dialogue(path: Path, mailbox: Callable[..., Any], tls_context: ssl.SSLContext) -> None:
    """The conversation goes as it is written."""
    dialogue = read_dialogue(path)
    settings = dict(dialogue.settings)
    if settings.pop("tls", False):
        settings["tls_context"] = tls_context

    async def play() -> None:
        async with mailbox(**settings) as box:
            player = Player(box)
            for number, who, sign, text in dialogue.steps:
                try:
                    await player.step(who, sign, text)
                except BaseException as error:
                    error.add_note(f"at {path.name}:{number}")
                    raise

    asyncio.run(play())


def test_there_are_dialogues() -> None:
    """An empty folder would make the test above pass without a word."""
    assert len(DIALOGUES) >= 40
