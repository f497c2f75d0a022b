"""Draws a sheet as a PDF, with letters of its own for Latin, Greek and Cyrillic scripts."""

from __future__ import annotations

import logging
import unicodedata
from importlib.resources import as_file, files

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout, TextEmphasis, VAlign
from fpdf.fonts import FontFace

from reading.rendering.sheet import Block, Cell, Fact, Facts, Pair, Sheet, Table

# It tells of every letter that a font lacks; what strangers write does not belong in our log.
logging.getLogger("fpdf").setLevel(logging.CRITICAL)
logging.getLogger("fontTools").setLevel(logging.CRITICAL)

_FONT = "Roboto"
_MARGIN, _SIZE, _SMALL, _LINE = 18, 9, 7.5, 4.4
_GREY, _BLACK, _RULE = (87, 96, 106), (27, 31, 36), (208, 215, 222)
_LABEL_SHARE = 0.34  # of the width, as on the page


def drawn_as_pdf(sheet: Sheet) -> bytes:
    """A PDF 1.7 on A4."""
    drawing = _Drawing(sheet)
    for block in sheet.blocks:
        drawing.block(block)
    return bytes(drawing.pdf.output())


class _Pages(FPDF):
    """Pages with the mark on top of each, and their numbers below."""

    def __init__(self, mark: str) -> None:
        super().__init__(format="A4")
        self._mark = mark

    def header(self) -> None:
        """The mark that this is not the invoice itself."""
        self.set_font(_FONT, "B", _SMALL)
        self.set_text_color(92, 71, 0)
        self.cell(0, 5, _clean(self._mark))
        self.ln(8)

    def footer(self) -> None:
        """Page of pages."""
        self.set_y(-12)
        self.set_font(_FONT, "", _SMALL)
        self.set_text_color(*_GREY)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")


class _Drawing:
    def __init__(self, sheet: Sheet) -> None:
        self.pdf = _Pages(sheet.mark)
        self.pdf.set_margins(_MARGIN, 12, _MARGIN)
        self.pdf.set_auto_page_break(auto=True, margin=16)
        for style, name in (("", "Regular"), ("B", "Bold")):
            with as_file(files("font_roboto") / "files" / f"Roboto-{name}.ttf") as file:
                self.pdf.add_font(_FONT, style, file)
        self.pdf.set_title(_clean(sheet.title))
        self.pdf.set_lang(sheet.language)
        self.pdf.add_page()
        self._write(sheet.title, size=16, bold=True, height=8)

    def block(self, block: Block) -> None:
        """One block below the one before."""
        if isinstance(block, Pair):
            for one in block.blocks:
                self.block(one)
            return
        self.pdf.ln(3)
        self._heading(block.heading)
        if isinstance(block, Table):
            self._table(block)
        else:
            self._facts(block)

    def _heading(self, text: str) -> None:
        self._write(text, size=10.5, bold=True, height=6)
        self.pdf.set_draw_color(*_RULE)
        y = self.pdf.get_y()
        self.pdf.line(_MARGIN, y, self.pdf.w - _MARGIN, y)
        self.pdf.ln(1)

    def _facts(self, block: Facts) -> None:
        width = self.pdf.epw * _LABEL_SHARE
        for fact in block.facts:
            self._fact(fact, width)

    def _fact(self, fact: Fact, width: float) -> None:
        pdf = self.pdf
        height = max(
            self._height(fact.label, width, bold=False),
            self._height(fact.text, pdf.epw - width, bold=fact.strong),
        )
        if pdf.will_page_break(min(height, pdf.eph / 2)):
            pdf.add_page()
        top, page = pdf.get_y(), pdf.page
        self._text(_MARGIN, width, fact.label, color=_GREY, bold=False)
        label_end = (pdf.page, pdf.get_y())
        pdf.page = page
        pdf.set_y(top)
        self._text(_MARGIN + width, pdf.epw - width, fact.text, color=_BLACK, bold=fact.strong)
        pdf.page, y = max(label_end, (pdf.page, pdf.get_y()))
        pdf.set_y(y)

    def _text(self, x: float, width: float, text: str, *, color: tuple[int, int, int], bold: bool) -> None:
        self.pdf.set_x(x)
        self.pdf.set_font(_FONT, "B" if bold else "", _SIZE)
        self.pdf.set_text_color(*color)
        self.pdf.multi_cell(width - 2, _LINE, _clean(text) or " ", align="L", new_x="LMARGIN", new_y="NEXT")

    def _height(self, text: str, width: float, *, bold: bool) -> float:
        self.pdf.set_font(_FONT, "B" if bold else "", _SIZE)
        measured = self.pdf.multi_cell(
            width - 2, _LINE, _clean(text) or " ", align="L", dry_run=True, output=MethodReturnValue.HEIGHT
        )
        return float(measured)  # type: ignore[arg-type]  # the type depends on `output`

    def _write(self, text: str, *, size: float, bold: bool, height: float) -> None:
        self.pdf.set_font(_FONT, "B" if bold else "", size)
        self.pdf.set_text_color(*_BLACK)
        self.pdf.multi_cell(0, height, _clean(text) or " ", align="L", new_x="LMARGIN", new_y="NEXT")

    def _table(self, block: Table) -> None:
        right = [bool(block.rows) and block.rows[0][place].right for place in range(len(block.columns))]
        self.pdf.set_font(_FONT, "", 8)
        self.pdf.set_text_color(*_BLACK)
        self.pdf.set_draw_color(*_RULE)
        with self.pdf.table(
            col_widths=block.widths,
            text_align=tuple("RIGHT" if one else "LEFT" for one in right),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis=TextEmphasis.B, color=_GREY),
            line_height=4,
            v_align=VAlign.T,
            padding=(0.8, 1, 0.8, 0),
        ) as table:
            table.row([_clean(one) for one in block.columns])
            for row in block.rows:
                table.row([_cell_text(cell) for cell in row])


def _cell_text(cell: Cell) -> str:
    """The lines of a cell below each other."""
    lines = [
        f"{fact.label}: {fact.text}" if place and fact.label else fact.text
        for place, fact in enumerate(cell.facts)
    ]
    return _clean("\n".join(lines))


def _clean(text: str) -> str:
    """Without signs that have no shape or turn the direction of a text."""
    return "".join(
        sign if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs") else " "
        for sign in text.replace("\t", " ")
    )
