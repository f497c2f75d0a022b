"""Strips HTML to the text that a person reads; in one pass, for hostile markup as well."""

from __future__ import annotations

import html
import re

_UNSEEN = ("script", "style", "head", "title", "template")
_BREAKS = {
    "br",
    "p",
    "div",
    "tr",
    "li",
    "ul",
    "ol",
    "table",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
}
_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]{0,20})")
_SPACES = re.compile(r"[ \t\r\f\v\xa0]+")
_LINES = re.compile(r" ?\n[ \n]*")


def text_of_html(markup: str) -> str:
    """The text of an HTML document, lines where blocks begin. Never raises."""
    text: list[str] = []
    until = ""  # what ends the stretch that nobody sees
    # Line ends of the markup are spaces; blocks make the lines.
    first, *tags = markup.replace("\r", " ").replace("\n", " ").split("<")
    text.append(first)
    for tag in tags:
        inside, _, behind = tag.partition(">")
        if until:
            if until == "-->" and until in tag:
                until, behind = "", tag.partition("-->")[2]
            elif until != "-->" and inside.lower().startswith(until):
                until = ""
            else:
                continue
        elif tag.startswith("!--"):
            until, behind = ("", tag.partition("-->")[2]) if "-->" in tag else ("-->", "")
        else:
            name = _NAME.match(inside)
            if name is None and not inside.startswith(("!", "?")):
                behind = "<" + tag  # a sign of the text
            elif name and name[1].lower() in _UNSEEN and inside[0] != "/":
                until = "/" + name[1].lower()
                continue
            elif name and name[1].lower() in _BREAKS:
                text.append("\n")
            elif name and name[1].lower() in ("td", "th"):
                text.append(" ")
        text.append(behind)
    return _LINES.sub("\n", _SPACES.sub(" ", html.unescape("".join(text)))).strip()
