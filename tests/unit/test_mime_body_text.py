"""The text that a person reads: the right part of the mail, decoded, without markup."""

from __future__ import annotations

import pytest

from ingest.processing.body_text import MAX_CHARACTERS
from ingest.processing.html_text import text_of_html
from ingest.processing.mime import parse_mail


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        ("utf-8", "für 5 €".encode(), "für 5 €"),
        ("iso-8859-1", "für 5 €".encode("cp1252"), "für 5 €"),
        ("utf-16", "für".encode("utf-16"), "für"),
        ("nonsense", "für".encode(), "für"),
        ("nonsense", "für".encode("latin-1"), "für"),
        ("us-ascii", "für".encode(), "für"),
        ("zlib", b"as it is", "as it is"),
        ("punycode", b"as it is-", "as it is-"),
        ("undefined", b"as it is", "as it is"),
        ("utf-8", b"bro\xffken", "bro\ufffdken"),
    ],
)
def test_text_is_decoded_whatever_its_charset(charset: str, octets: bytes, text: str) -> None:
    """Unknown, wrong and unsuitable charsets included."""
    mail = parse_mail(f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + octets)

    assert mail.body_text == text


def _alternative(plain: str, markup: str) -> str:
    return (
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        f"--b\r\n\r\n{plain}\r\n--b\r\nContent-Type: text/html\r\n\r\n{markup}\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    ("plain", "text"), [("plain", "plain"), ("", "rich & bold"), (" \r\n", "rich & bold")]
)
def test_plain_text_is_preferred_where_there_is_any(plain: str, text: str) -> None:
    """Some senders leave the plain alternative empty."""
    mail = parse_mail(_alternative(plain, "<p>rich &amp; <b>bold</b></p>").encode())

    assert mail.body_text == text


def test_attached_text_and_attached_mails_are_not_the_body() -> None:
    """They say nothing for the mail that carries them."""
    parts = (
        "--b\r\n\r\nfirst",
        "--b\r\nContent-Disposition: attachment\r\n\r\nattached",
        '--b\r\nContent-Type: text/plain; name="x.txt"\r\n\r\nnamed',
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nforwarded",
        "--b\r\n\r\nsecond",
    )
    octets = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "\r\n".join(parts) + "\r\n--b--\r\n"

    assert parse_mail(octets.encode()).body_text == "first\n\nsecond"


def test_a_long_text_is_cut() -> None:
    """What is asked of it needs no more."""
    mail = parse_mail(b"Subject: x\r\n\r\n" + b"word " * 100_000)

    assert len(mail.body_text) == MAX_CHARACTERS


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one</p><p>two<br>three</p>", "one\ntwo\nthree"),
        ("one\n  two", "one two"),
        ("<head><title>x</title></head><style>p {}</style>seen<script>if (a<b) x()</script>", "seen"),
        ("a<!-- <b>hidden</b> -->b", "ab"),
        ("1 < 2 & 3 &gt; 2", "1 < 2 & 3 > 2"),
        ("<table><tr><td>Total</td><td>5,00&nbsp;&euro;</td></tr></table>", "Total 5,00 €"),
        ("<a href='x'", ""),
        ("seen<!-- never closed <p>hidden", "seen"),
        ("<!DOCTYPE html><?php ?>x", "x"),
        ("", ""),
    ],
)
def test_html_is_stripped_to_its_text(markup: str, text: str) -> None:
    """Blocks make lines; what no reader shows is gone."""
    assert text_of_html(markup) == text
