"""The users file, and what a client says of itself in PLAIN."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.users import Users, parse_plain, password_line


@pytest.mark.parametrize("line", ["relay", ":$argon2id$x", "relay:plain-password", "relay:$1$md5"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    """Also a password that somebody wrote into the file as it is."""
    file = tmp_path / "users"
    file.write_text(f"# first\n{line}\n")

    with pytest.raises(ValueError, match="users, line 2: expected NAME:HASH"):
        Users(file)


def test_a_changed_file_counts_and_a_broken_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password is changed without a restart; a mistake in the file locks nobody out."""
    monkeypatch.setattr("ingest.receiving.watched_file.LOOK_EVERY_SECONDS", 0.0)
    file = tmp_path / "users"
    file.write_text(password_line("relay", "old"))
    users = Users(file)

    file.write_text(password_line("relay", "a new one") + "\n")
    changed = users.verify("relay", "a new one"), users.verify("relay", "old")
    file.write_text("nonsense\n")

    assert changed == (True, False)
    assert users.verify("relay", "a new one")


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (b"\0relay\0secret", ("relay", "secret")),
        (b"relay\0relay\0secret", ("relay", "secret")),
        (b"other\0relay\0secret", None),
        (b"relay\0secret", None),
        (b"\0relay\0sec\0ret", None),
        (b"\0\0secret", None),
        (b"\0relay\0", None),
        (b"\0relay\0\xff", None),
        (b"\0" + b"x" * 256 + b"\0secret", None),
        (b"\0relay\0" + b"x" * 1025, None),
    ],
)
def test_plain(response: bytes, said: tuple[str, str] | None) -> None:
    """RFC 4616; nobody acts for another."""
    assert parse_plain(response) == said


@given(st.binary(max_size=60))
def test_plain_never_raises(response: bytes) -> None:
    """Whatever a client sends is said well or not at all."""
    said = parse_plain(response)

    assert said is None or all(said)
