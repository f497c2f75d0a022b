"""Parameters and encoded words of header fields in the forms that senders give them."""

from __future__ import annotations

import pytest

from reading.mime.encoded_words import without_encoded_words
from reading.mime.field_parameters import parameters, text_parameter
from reading.mime.file_names import MAX_CHARACTERS, Names, safe_name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b'attachment; filename="a;b.pdf"; size=5', "a;b.pdf"),
        (b'attachment; filename="a \\"b\\".pdf"', 'a "b".pdf'),
        (b"attachment; filename=a b.pdf; size=5", "a b.pdf"),
        (b'attachment; filename="never closed.pdf', "never closed.pdf"),
        (b"attachment;filename = a.pdf", "a.pdf"),
        (b"attachment; FILENAME=a.pdf; filename=b.pdf", "a.pdf"),
        (b"attachment; filename=a.pdf; filename*=utf-8''b.pdf", "b.pdf"),
        (b"attachment; filename*0*=utf-8'de'%C3; filename*1*=%A4; filename*2=.pdf", "ä.pdf"),
        (b"attachment; filename*1=b.pdf; filename*0=a", "ab.pdf"),
        (b"attachment; filename*=%C3%A4.pdf", "ä.pdf"),
        (b"attachment; filename*=nonsense'x'%E4.pdf", "ä.pdf"),
        (b'attachment; filename*0="=?utf-8?q?=C3=A4"; filename*1="?=.pdf"', "ä.pdf"),
        (b"attachment; filename=", None),
        (b"attachment;;;;;", None),
    ],
)
def test_a_file_name_is_read(value: bytes, name: str | None) -> None:
    """RFC 2183, RFC 2231, RFC 2047, and without regard to them."""
    assert text_parameter(parameters(value), b"filename") == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?a_b?= c", "a b c"),
        (b"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
        (b"=?utf-8?B?w6Q?=", "ä"),
        (b"=?utf-8?B?ww==?= =?utf-8?B?pA==?=", "ä"),
        (b"=?utf-8?Q?a?= =?iso-8859-1?Q?=E4?=", "aä"),
        (b"x=?utf-8*de?Q?a?=y", "xay"),
        (b"=?nonsense?Q?=C3=A4?=", "ä"),
        (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
        (b"=?utf-8?Q?never closed", "=?utf-8?Q?never closed"),
    ],
)
def test_encoded_words_are_undone(value: bytes, text: str) -> None:
    """A character may be split over two of them."""
    assert without_encoded_words(value) == text


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("u\u0308.pdf", "ü.pdf"),
        ("a\uff0fb.pdf", "b.pdf"),
        ("folder/", "folder"),
        ("..", "part-2-1.xml"),
        ("a\t\r\n b.pdf", "a b.pdf"),
        ('a<>:"|?*.pdf', "_|_.pdf".replace("|", "__")),
        ("\u200e\u202d\u2066", "part-2-1.xml"),
        (None, "part-2-1.xml"),
    ],
)
def test_a_name_is_made_safe(given: str | None, name: str) -> None:
    """To show, and to write into any file system."""
    assert safe_name(given, "2/1", "application/xml") == name


def test_numbered_names_stay_within_the_limit() -> None:
    """The number takes its place from the stem."""
    names = Names()
    first, second = (names.unique("x" * (MAX_CHARACTERS - 4) + ".pdf") for _ in range(2))

    assert (len(first), len(second)) == (MAX_CHARACTERS, MAX_CHARACTERS)
    assert second.endswith("-2.pdf")
