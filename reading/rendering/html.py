"""Draws a sheet as one HTML page: its own style, no script, nothing from outside, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from reading.rendering.sheet import Block, Cell, Fact, Facts, Pair, Sheet, Table

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
# Whoever opens the page as a file has the same protection as behind the portal's header.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root{color-scheme:light}
body{font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:#1b1f24;
background:#fff;margin:0 auto;padding:24px;max-width:900px}
.mark{border:1px solid #8a6d00;background:#fff8dc;color:#5c4700;padding:6px 12px;border-radius:4px;font-weight:600}
h1{font-size:24px;margin:18px 0 12px;overflow-wrap:anywhere}
h2{font-size:15px;margin:22px 0 6px;border-bottom:1px solid #d0d7de;padding-bottom:3px}
.pair{display:flex;flex-wrap:wrap;gap:0 32px}.pair>section{flex:1 1 320px;min-width:0}
dl{display:grid;grid-template-columns:minmax(120px,34%) 1fr;gap:2px 12px;margin:0}
dt{color:#57606a;overflow-wrap:anywhere}dd{margin:0;white-space:pre-line;overflow-wrap:anywhere}
.strong{font-weight:700}
table{border-collapse:collapse;width:100%;table-layout:fixed}
th{text-align:left;color:#57606a;font-weight:600;border-bottom:1px solid #d0d7de;padding:4px 8px 4px 0}
td{vertical-align:top;border-bottom:1px solid #eaeef2;padding:5px 8px 5px 0;overflow-wrap:anywhere;white-space:pre-line}
.right{text-align:right;font-variant-numeric:tabular-nums}
.small{font-size:12px;color:#57606a}
@media print{body{padding:0;max-width:none;font-size:11px}h2{break-after:avoid}tr,dd,dt{break-inside:avoid}}
@page{size:A4;margin:18mm}
"""


def page(sheet: Sheet) -> bytes:
    """The page, UTF-8."""
    body = "".join(_lines(sheet))
    title = _text(sheet.title)
    return (
        f'<!DOCTYPE html>\n<html lang="{sheet.language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n{body}</body></html>\n"
    ).encode()


def _lines(sheet: Sheet) -> Iterator[str]:
    yield f'<p class="mark">{_text(sheet.mark)}</p>\n<h1>{_text(sheet.title)}</h1>\n'
    for block in sheet.blocks:
        yield _block(block)


def _block(block: Block) -> str:
    if isinstance(block, Pair):
        return f'<div class="pair">{"".join(_facts(one) for one in block.blocks)}</div>\n'
    return _table(block) if isinstance(block, Table) else _facts(block)


def _facts(block: Facts) -> str:
    rows = "".join(
        f"<dt>{_text(fact.label)}</dt><dd{_marks(fact)}>{_text(fact.text)}</dd>\n" for fact in block.facts
    )
    return f"<section><h2>{_text(block.heading)}</h2><dl>\n{rows}</dl></section>\n"


def _table(block: Table) -> str:
    right = [bool(block.rows) and block.rows[0][place].right for place in range(len(block.columns))]
    head = "".join(
        f'<th scope="col" style="width:{width}%"{_right(at_right)}>{_text(name)}</th>'
        for name, width, at_right in zip(block.columns, block.widths, right, strict=True)
    )
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in block.rows)
    return (
        f"<section><h2>{_text(block.heading)}</h2><table><thead><tr>{head}</tr></thead>"
        f"<tbody>\n{rows}</tbody></table></section>\n"
    )


def _cell(cell: Cell) -> str:
    inner = "".join(
        f"<div{_marks(fact)}>{_text(fact.text)}</div>"
        if place == 0
        else f'<div class="small">{_label(fact)}<span{_marks(fact)}>{_text(fact.text)}</span></div>'
        for place, fact in enumerate(cell.facts)
    )
    return f"<td{_right(cell.right)}>{inner}</td>"


def _label(fact: Fact) -> str:
    return f"{_text(fact.label)}: " if fact.label else ""


def _marks(fact: Fact) -> str:
    term = f' title="{escape(fact.term)}" data-term="{escape(fact.term)}"' if fact.term else ""
    return f"{term}{' class=strong' if fact.strong else ''}"


def _right(is_right: bool) -> str:
    return ' class="right"' if is_right else ""


def _text(text: str) -> str:
    """Escaped, and without signs that turn the direction of a text or have no shape."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
