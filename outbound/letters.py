"""Writes the text of a mail, as plain text and as HTML, from one template in the recipient's language."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from storage.records.outgoing import MailTemplate
from storage.records.people import Language

_WIDTH = 72  # characters of a line (RFC 5322 2.1.1 asks for 78 at most)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a recipient reads."""

    subject: str
    text: str
    html: str


class Letters:
    """The templates, of the operator's folder first and then ours: LANGUAGE/TEMPLATE.j2, and layout.html.j2.

    A template has the blocks `subject` and `body`. The body says what it says by say(), facts(), button(), code() and
    small(), each of which is written once for the text and once for the HTML.
    """

    def __init__(self, folder: Path | None) -> None:
        loaders: list[BaseLoader] = [FileSystemLoader(folder)] if folder else []
        self._loader = ChoiceLoader([*loaders, PackageLoader("outbound")])

    def write(self, template: MailTemplate, language: Language, values: Mapping[str, Any]) -> Letter:
        """One letter. Raises jinja2.TemplateError for a template that does not work."""
        name = f"{language}/{template}.j2"
        plain = self._plain.get_template(name)
        subject = "".join(plain.blocks["subject"](plain.new_context({**values, **_PLAIN})))
        text = "".join(plain.blocks["body"](plain.new_context({**values, **_PLAIN})))
        marked = self._marked.get_template(name)
        body = "".join(marked.blocks["body"](marked.new_context({**values, **_MARKED})))
        shown = {**values, "body": Markup(body), "subject": _line(subject), "language": str(language)}  # noqa: S704  -- escaped by its template
        return Letter(
            subject=_line(subject),
            text=_paragraphs(text),
            html=self._marked.get_template("layout.html.j2").render(shown),
        )

    @cached_property
    def _plain(self) -> Environment:
        return Environment(loader=self._loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701  -- plain text

    @cached_property
    def _marked(self) -> Environment:
        return Environment(loader=self._loader, undefined=StrictUndefined, autoescape=True)


def _line(text: str) -> str:
    """On one line, whatever a sender put into the name of a company (RFC 5322 2.2)."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _paragraphs(text: str) -> str:
    """One empty line between two paragraphs, none where the template happened to have more."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip() + "\n"


def _wrapped(text: object) -> str:
    return (
        "\n" + textwrap.fill(_line(str(text)), _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"
    )


def _plain_facts(rows: Sequence[tuple[str, object]]) -> str:
    shown = [(label, _line(str(value))) for label, value in rows if value]
    width = max((len(label) for label, _ in shown), default=0) + 2
    return "\n" + "".join(f"  {label + ':':<{width}}{value}\n" for label, value in shown)


_PLAIN: dict[str, Any] = {
    "say": _wrapped,
    "small": _wrapped,
    "facts": _plain_facts,
    "button": lambda label, url: f"\n{label}:\n{url}\n",
    "code": lambda text: f"\n    {text}\n",
}

_MARKED: dict[str, Any] = {
    "say": lambda text: Markup('<p style="margin:0 0 16px">{}</p>').format(text),
    "small": lambda text: Markup('<p style="margin:0 0 12px;font-size:13px;color:#566070">{}</p>').format(
        text
    ),
    "facts": lambda rows: Markup(
        '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 20px;width:100%;'
        'border-top:1px solid #d9dee6">{}</table>'
    ).format(
        Markup().join(
            Markup(
                '<tr><td style="padding:7px 16px 7px 0;border-bottom:1px solid #d9dee6;color:#566070;width:38%;'
                'vertical-align:top">{}</td><td style="padding:7px 0;border-bottom:1px solid #d9dee6;'
                'vertical-align:top;word-break:break-word">{}</td></tr>'
            ).format(label, value)
            for label, value in rows
            if value
        )
    ),
    "button": lambda label, url: Markup(
        '<p style="margin:4px 0 10px"><a href="{0}" style="display:inline-block;background:#0b5cad;color:#ffffff;'
        'padding:12px 22px;border-radius:6px;text-decoration:none;font-weight:600">{1}</a></p>'
        '<p style="margin:0 0 20px;font-size:13px;color:#566070;word-break:break-all">{0}</p>'
    ).format(url, label),
    "code": lambda text: Markup(
        '<p style="margin:4px 0 20px;font-size:28px;letter-spacing:3px;font-family:Consolas,Menlo,monospace;'
        'font-weight:600">{}</p>'
    ).format(text),
}
