"""Paths are read by the grammar of RFC 5321 4.1.2 and RFC 6531 3.3, and by nothing wider."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.addresses import (
    Address,
    BadPath,
    PathArgument,
    domain_key,
    parse_forward_path,
    parse_reverse_path,
)

GOOD = {
    "<a@example.com>": ("a", "example.com"),
    "<A.B+c_d=e/f!#$%&'*?^`{|}~-@Example.COM>": ("A.B+c_d=e/f!#$%&'*?^`{|}~-", "Example.COM"),
    "<a@localhost>": ("a", "localhost"),
    "<1@1.example>": ("1", "1.example"),
    "<a@my_host.example>": ("a", "my_host.example"),
    '<"a b"@example.com>': ('"a b"', "example.com"),
    '<"a\\"b@c>"@example.com>': ('"a\\"b@c>"', "example.com"),
    '<""@example.com>': ('""', "example.com"),
    "<a@[192.0.2.1]>": ("a", "[192.0.2.1]"),
    "<a@[IPv6:2001:db8::1]>": ("a", "[IPv6:2001:db8::1]"),
    "<@x.example:a@example.com>": ("a", "example.com"),
    "<@x.example,@[192.0.2.1],@[IPv6:::1]:a@example.com>": ("a", "example.com"),
    "<jürgen@bücher.example>": ("jürgen", "bücher.example"),
    "<用户@例子.example>": ("用户", "例子.example"),
    '<"ü ü"@example.com>': ('"ü ü"', "example.com"),
    f"<{'a' * 256}@example.com>": ("a" * 256, "example.com"),
    f"<a@{'b' * 63}.example>": ("a", "b" * 63 + ".example"),
}

BAD = [
    "",
    "a@example.com",
    "<a@example.com",
    "a@example.com>",
    "<<a@example.com>>",
    "<a@example.com>>",
    "<a@y",
    "<a>",
    "<@>",
    "<@example.com>",
    "<a@>",
    "<a@@example.com>",
    "<a@b@example.com>",
    "<a@example.com>SIZE=1",
    "<.a@example.com>",
    "<a.@example.com>",
    "<a..b@example.com>",
    "<a b@example.com>",
    "<a,b@example.com>",
    "<a:b@example.com>",
    "<(c)a@example.com>",
    "<a@example.com.>",
    "<a@.example.com>",
    "<a@example..com>",
    "<a@-example.com>",
    "<a@example-.com>",
    "<a@exam ple.com>",
    "<a@example.com,b@example.com>",
    '<"a@example.com>',
    '<a"b"@example.com>',
    '<"a"b@example.com>',
    '<"a"@example.com',
    '<"a\\"@example.com>',
    '<"a\x01"@example.com>',
    "<a@[192.0.2]>",
    "<a@[192.0.2.256]>",
    "<a@[192.0.2.1>",
    "<a@192.0.2.1]>",
    "<a@[2001:db8::1]>",
    "<a@[IPv6:192.0.2.1]>",
    "<a@[IPv6:fe80::1%eth0]>",
    "<a@[]>",
    "<a@[x:y]>",
    "<@x.example a@example.com>",
    "<@x.example:>",
    "<a\0@example.com>",
    "<a@exam\0ple.com>",
    "<a\r@example.com>",
    "<a@example.com\n>",
    "<a\x7f@example.com>",
    "<a\x85@example.com>",
    "<a\u2028@example.com>",
    "<a\u00a0b@example.com>",
    "<a\u202eb@example.com>",
    "<a\udcff@example.com>",
    "<a@\ud800.example>",
    f"<{'a' * 257}@example.com>",
    f"<{'ü' * 129}@example.com>",
    f"<a@{'b' * 64}.example>",
    f"<a@{'b.' * 127}example>",
]


@pytest.mark.parametrize(("path", "expected"), GOOD.items(), ids=lambda value: ascii(value)[:40])
def test_addresses_of_the_grammar(path: str, expected: tuple[str, str]) -> None:
    """Both parts are kept as written; a source route is stripped (RFC 5321 4.1.1.3)."""
    wanted = PathArgument(Address(*expected), "")

    assert wanted == parse_reverse_path(path)
    assert wanted == parse_forward_path(path)


@pytest.mark.parametrize("path", BAD, ids=lambda value: ascii(value)[:40])
def test_what_is_no_address(path: str) -> None:
    """Outside the grammar there is a reason, and it quotes nothing of what came in."""
    for parsed in (parse_reverse_path(path), parse_forward_path(path)):
        assert isinstance(parsed, BadPath)
        assert parsed.reason.isascii()
        assert "example" not in parsed.reason


@pytest.mark.parametrize("path", ["<a@example.com>", '<"a b"@example.com>', "<>"])
def test_parameters_are_what_follows(path: str) -> None:
    """The rest of the line after one or more spaces."""
    parsed = parse_reverse_path(path + "  SIZE=5 BODY=7BIT ")

    assert isinstance(parsed, PathArgument)
    assert parsed.parameters == "SIZE=5 BODY=7BIT"


def test_null_reverse_path() -> None:
    """Notifications have an empty reverse-path (RFC 5321 4.5.5); a forward-path is never empty."""
    assert parse_reverse_path("<>") == PathArgument(Address("", ""), "")
    assert isinstance(parse_forward_path("<>"), BadPath)


@pytest.mark.parametrize("name", ["Postmaster", "postmaster", "POSTMASTER"])
def test_postmaster_needs_no_domain(name: str) -> None:
    """RFC 5321 4.5.1, for recipients only."""
    parsed = parse_forward_path(f"<{name}>")

    assert parsed == PathArgument(Address(name, ""), "")
    assert isinstance(parsed, PathArgument)
    assert name == parsed.address.text
    assert isinstance(parse_reverse_path(f"<{name}>"), BadPath)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Example.COM", "example.com"),
        ("BÜCHER.example", "xn--bcher-kva.EXAMPLE"),
        ("bücher.example", "Bücher.Example"),
    ],
)
def test_domains_are_compared_in_one_form(one: str, other: str) -> None:
    """Without regard to case and to how an IDN is written."""
    assert domain_key(one) == domain_key(other)


def test_a_domain_that_idna_cannot_take_is_still_compared() -> None:
    """A label too long for IDNA is no error, only an address that fits no list."""
    long_label = "ü" * 80 + ".example"

    assert domain_key(long_label) == domain_key(long_label.upper())


def test_a_domain_with_eszett_is_another_than_one_with_ss() -> None:
    """Both may be registered since 2010; who accepts mail for the one does not for the other."""
    assert domain_key("Straße.example") == "xn--strae-oqa.example"
    assert domain_key("strasse.example") == "strasse.example"


@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    """No input raises, and what is taken is short and has no control character."""
    for parsed in (parse_reverse_path(f"<{text}>"), parse_forward_path(text)):
        if isinstance(parsed, PathArgument):
            assert not any(sign < " " or sign == "\x7f" for sign in parsed.address.text)


@pytest.mark.parametrize(
    "hostile",
    [
        "<" + '"a"' * 700,
        "<" + "a" * 2000,
        "<" + "a." * 1000 + "@x>",
        "<a@" + "a" * 2000 + "!>",
        "<a@" + "a-" * 1000 + ">",
        "<" + "@a," * 600 + ":a@b>",
        "<" + "@a" * 1000 + ":a@b>",
        '<"' + "\\" * 2000 + ">",
        "<" + "<" * 2000,
    ],
    ids=lambda value: value[:8],
)
def test_hostile_paths_are_read_in_linear_time(hostile: str) -> None:
    """A command line's worth of anything is read in far less than a millisecond's hundredfold."""
    started = time.thread_time()  # others may have the core meanwhile
    parse_forward_path(hostile)

    assert time.thread_time() - started < 0.1
