"""Reads an Authentication-Results field (RFC 8601), also as Microsoft writes it, with stray words."""

from __future__ import annotations

import re

from storage.records.senders import AuthenticationResult

_METHODS = ("spf", "dkim", "dmarc", "arc", "compauth")
_DOMAIN_PROPERTIES = {
    "spf": ("smtp.mailfrom", "smtp.helo"),
    "dkim": ("header.d", "header.i"),
    "dmarc": ("header.from",),
    "arc": ("header.oldest-pass", "smtp.remote-ip"),
    "compauth": (),
}
_METHOD = re.compile(r"^\s*([A-Za-z0-9-]+)(?:/\d+)?\s*=\s*([A-Za-z]+)")
_PROPERTY = re.compile(r"([A-Za-z0-9-]+\.[A-Za-z0-9_-]+)\s*=\s*(\"[^\"]*\"|[^\s;]+)")


def authserv_id(value: str) -> str:
    """Who says it: the first word, without a version, in lower case."""
    first = _without_comments(value).partition(";")[0].split()
    return first[0].lower() if first else ""


def read_results(value: str) -> tuple[AuthenticationResult, ...]:
    """What it says about each method that is known here. Never raises."""
    found = []
    for statement in _without_comments(value).split(";")[1:]:
        match = _METHOD.match(statement)
        if match is None or match[1].lower() not in _METHODS:
            continue
        method = match[1].lower()
        properties = {key.lower(): text.strip('"') for key, text in _PROPERTY.findall(statement)}
        named = next((properties[key] for key in _DOMAIN_PROPERTIES[method] if properties.get(key)), "")
        domain = named.rpartition("@")[2].lower().rstrip(".")
        found.append(
            AuthenticationResult(method=method, result=match[2].lower(), domain=domain or None, detail="")
        )
    return tuple(found)


def _without_comments(value: str) -> str:
    """Comments may hold semicolons, and be nested (RFC 5322 3.2.2)."""
    kept = []
    depth = 0
    quoted = False
    for sign in value:
        if sign == '"' and not depth:
            quoted = not quoted
        if sign == "(" and not quoted:
            depth += 1
        elif sign == ")" and not quoted and depth:
            depth -= 1
        elif not depth:
            kept.append(sign)
    return "".join(kept)
