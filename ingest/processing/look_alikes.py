"""Whether a domain looks like another one at first sight: signs that are taken for each other, or a slip of one key."""

from __future__ import annotations

import unicodedata

# What people read as the same; several signs first. From Cyrillic and Greek only what has a Latin double.
_SIGNS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("|", "l"), ("5", "s"))
_DOUBLES = str.maketrans("аеорсухіѕјԁһԛԝкмтвнοανρτιυκ", "aeopcyxisjdhqwkmtbhoavptiuk")


def skeleton(domain: str) -> str:
    """What is left of a domain when signs that look alike are one; in U-labels, lower case."""
    text = ".".join(_u_label(label) for label in domain.lower().split("."))
    text = unicodedata.normalize("NFKD", text).translate(_DOUBLES)
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    for written, read in _SIGNS:
        text = text.replace(written, read)
    return text


def look_alike(domain: str, other: str) -> bool:
    """Whether one could be taken for the other, being different: alike in signs, or one edit apart."""
    if domain == other:
        return False
    return skeleton(domain) == skeleton(other) or one_edit(domain, other)


def one_edit(one: str, other: str) -> bool:
    """One sign more, less or another, or two neighbours exchanged; short names are too near to each other to tell."""
    if min(len(one.partition(".")[0]), len(other.partition(".")[0])) < 4:
        return False
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return True  # one is the beginning of the other
    left, right = one[start:], other[start:]
    if len(left) == len(right):
        return left[1:] == right[1:] or (left[:2] == right[1::-1] and left[2:] == right[2:])
    return left[1:] == right if len(left) > len(right) else left == right[1:]


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
