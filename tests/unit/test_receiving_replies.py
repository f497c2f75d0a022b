"""The table of replies says what RFC 5321 and RFC 3463 say, and nothing of the client's comes back in it."""

from __future__ import annotations

import re
import string

import pytest

from ingest.receiving.replies import Reply, ehlo_lines

WITHOUT_ENHANCED_CODE = {
    *(Reply.GREETING, Reply.LMTP_GREETING, Reply.HELLO, Reply.START_CONTENT, Reply.AUTH_CONTINUES)
}


def words_of(reply: Reply) -> dict[str, str]:
    """A word for each placeholder of a reply."""
    return {name: "word" for _, name, _, _ in string.Formatter().parse(reply.pattern) if name}


@pytest.mark.parametrize("reply", Reply)
def test_every_reply_is_one_valid_line(reply: Reply) -> None:
    """Each row renders to one line of at most 512 octets (RFC 5321 4.5.3.1.5) that ends with CRLF."""
    line = reply.line(**words_of(reply))

    assert re.fullmatch(rb"[2345]\d\d [ -~]+\r\n", line)
    assert len(line) <= 512


@pytest.mark.parametrize("reply", Reply)
def test_enhanced_code_is_of_the_same_class(reply: Reply) -> None:
    """RFC 2034 4: the class of the enhanced code is the first digit of the reply; some replies have none."""
    enhanced = reply.value[1]

    if reply in WITHOUT_ENHANCED_CODE:
        assert enhanced == ""
    else:
        assert re.fullmatch(r"[245]\.\d\.\d\d?", enhanced)
        assert str(reply.code)[0] == enhanced[0]


def test_no_two_names_for_one_reply() -> None:
    """Equal rows would silently become one member of the enumeration."""
    assert len(Reply.__members__) == len(list(Reply))


def test_words_cannot_begin_a_line() -> None:
    """CR, LF and whatever is not printable in a word become question marks."""
    line = Reply.FILED.line(mail_id="x\r\n250 y\0ü")

    assert line == b"250 2.0.0 Ok: queued as x??250 y??\r\n"


def test_a_missing_word_is_an_error() -> None:
    """A reply without its word is a bug that shows, not a text with a hole."""
    with pytest.raises(KeyError):
        Reply.FILED.line()


def test_a_multiline_reply() -> None:
    """All lines but the last have a hyphen (RFC 5321 4.2.1)."""
    assert ehlo_lines("mx.example.com", ("SIZE 5", "PIPELINING")) == (
        b"250-mx.example.com\r\n250-SIZE 5\r\n250 PIPELINING\r\n"
    )


def test_trouble_of_ours_is_never_permanent() -> None:
    """Whatever is our fault leaves the mail with the sender (4xx)."""
    ours = [
        Reply.STORE_AWAY,
        Reply.INCIDENT,
        Reply.CLOSING,
        Reply.TOO_MANY_SESSIONS,
        Reply.TOO_MANY_RECIPIENTS,
    ]

    assert [reply.code // 100 for reply in ours] == [4] * 5
