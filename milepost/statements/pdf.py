"""A statement as a PDF to send: A4 or letter, the same bytes for the same statement.

The font is Noto Sans with Latin, Greek and Cyrillic letters (milepost/statements/fonts, SIL Open Font License). For a sign of
another script stands \ufffd, and what is made says which.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, time
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, NamedTuple

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, WrapMode, XPos, YPos
from fpdf.fonts import TTFFont
from fpdf.image_parsing import preload_image

from domain.outputs import StatementLine
from milepost.console import printable, shell_word
from milepost.statements.cells import cells_of, subtotal, titles
from milepost.statements.described import beside, marked
from milepost.statements.groups import StatementGroup
from milepost.statements.parties import foot, payment, recipient, references, sender_line
from milepost.statements.sheet import (
    MARKED,
    StatementSheet,
    company_name,
    draft_note,
    group_title,
    is_draft,
    issued_on,
    notes,
    sum_rows,
    title,
)

FONTS: Final = Path(__file__).parent / "fonts"
FONT: Final = "Noto Sans"
FILES: Final[Mapping[Literal["", "B"], Path]] = {"": FONTS / "NotoSans-Regular.ttf", "B": FONTS / "NotoSans-Bold.ttf"}
MARGIN_MM: Final = 18.0
# Of the foot: without columns, and with.
PLAIN_FOOT_MM: Final = 2.0
FOOT_MM: Final = 22.0
INK: Final = (28, 36, 48)
SOFT: Final = (93, 104, 120)
RULE: Final = (213, 219, 227)
WARN: Final = (154, 75, 0)
BODY_PT: Final = 9.0
SMALL_PT: Final = 7.5
LINE_MM: Final = 4.4
SMALL_LINE_MM: Final = 3.6
# What a word that is too long is parted after: rather the first than the second.
PARTED_AFTER: Final = ("@/", "._-")
# Date, person or role, hours, rate, amount; the description has what is left.
WIDTHS_MM: Final = (29.0, 27.0, 20.0, 22.0, 25.0)
GAP_MM: Final = 2.0
# Sums have so much of the page's width, and their figures so much of that.
SUMS_WIDTH: Final = 0.62
FIGURE_MM: Final = 34.0
LOGO_MM: Final = (55.0, 20.0)
NOT_WRITTEN: Final = "\ufffd"

logging.getLogger("fontTools").setLevel(logging.ERROR)


class MadePdf(NamedTuple):
    """`unwritten` are the signs that the font has not got, in their order."""

    content: bytes
    unwritten: str


def statement_pdf(sheet: StatementSheet) -> MadePdf:
    """All pages of it."""
    paper = _Paper(sheet)
    paper.letter_head()
    paper.lines()
    paper.sums()
    paper.payment()
    paper.notes()
    return MadePdf(bytes(paper.output()), "".join(paper.unwritten))


def unwritten_told(name: str, made: MadePdf, sheet: StatementSheet) -> Iterator[str]:
    """What to do about signs that the PDF has not got."""
    if made.unwritten:
        yield (
            f"{name}: the PDF has {NOT_WRITTEN} for {made.unwritten}: its font has Latin, Greek and Cyrillic letters. Print the page "
            f"from a browser instead: milepost statement {shell_word(sheet.statement.statement_id)} --html statement.html"
        )


class _Paper(FPDF):
    """One document; what stands at the foot of every page it draws itself."""

    def __init__(self, sheet: StatementSheet) -> None:
        super().__init__(format="letter" if sheet.writing.paper == "letter" else "a4")
        self.sheet = sheet
        # By what is written, in the order in which it came.
        self.unwritten: dict[str, None] = {}
        self.fonts.update(_fonts())
        self.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.foot_height = FOOT_MM if foot(sheet) else PLAIN_FOOT_MM
        self.set_auto_page_break(True, MARGIN_MM + self.foot_height)
        self.c_margin = 0
        day = datetime.combine(issued_on(sheet), time(), UTC)
        self.set_creation_date(day)
        statement = sheet.statement
        self.set_title(printable(f"{title(sheet)} {statement.number or statement.statement_id}"))
        self.set_author(printable(company_name(sheet)))
        self.set_producer("Milepost")
        self.set_lang(sheet.writing.language)
        self._date, self._who, self._hours, self._rate, self._amount = WIDTHS_MM
        self.in_table = False
        self.add_page()

    # Pieces

    def ink(self, size: float = BODY_PT, style: Literal["", "B"] = "", color: tuple[int, int, int] = INK) -> None:
        self.set_font(FONT, style, size)
        self.set_text_color(*color)

    def shown(self, text: str) -> str:
        """As the font can write it."""
        safe = printable(text)
        lacking = dict.fromkeys(sign for sign in safe if ord(sign) not in _written() and sign not in "\n\t")
        self.unwritten |= lacking
        return safe.translate(dict.fromkeys(map(ord, lacking), NOT_WRITTEN)) if lacking else safe

    def wrapped(self, text: str, width: float) -> list[str]:
        words = " ".join(self._parted(word, width - 2 * self.c_margin) for word in self.shown(text).split(" "))
        found = self.multi_cell(width, text=words, dry_run=True, output=MethodReturnValue.LINES, wrapmode=WrapMode.WORD)
        return [str(line) for line in found] if isinstance(found, list) else []

    def _parted(self, word: str, width: float, signs: Sequence[str] = PARTED_AFTER) -> str:
        """A word that is wider than its column, such as an address for e-mail, goes on in the next line after a sign of its own."""
        if not signs or self.get_string_width(word) <= width:
            return word
        lines = [""]
        for part in re.findall(rf"[^{signs[0]}]*[{signs[0]}]|[^{signs[0]}]+", word):
            if lines[-1] and self.get_string_width(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part
        return "\n".join(self._parted(line, width, signs[1:]) for line in lines)

    def put(self, x: float, y: float, width: float, text: str, *, right: bool = False) -> None:
        """One line of text."""
        self.set_xy(x, y)
        self.cell(width, LINE_MM, self.shown(text), align="R" if right else "L")

    def paragraph(self, text: str, width: float, height: float = LINE_MM) -> None:
        self.multi_cell(width, height, self.shown(text), new_x=XPos.LEFT, new_y=YPos.NEXT, align="L")

    def rule(self, y: float, color: tuple[int, int, int] = RULE, width: float = 0.2) -> None:
        self.set_draw_color(*color)
        self.set_line_width(width)
        self.line(self.l_margin, y, self.w - self.r_margin, y)

    def room(self, height: float) -> None:
        """Another page where so much does not fit any more."""
        if self.get_y() + height > self.page_break_trigger:
            self.add_page()
            if self.in_table:
                self.column_titles()

    # The top

    def letter_head(self) -> None:
        sheet, top = self.sheet, self.t_margin
        if sheet.logo is not None:
            self.logo(sheet.logo.data, top)
        else:
            self.ink(13, "B")
            self.set_xy(self.l_margin, top)
            self.paragraph(company_name(sheet), self.epw * 0.55, 6)
        left = self.address(max(top + 27, self.get_y() + 6))
        right = self.references(top)
        self.set_y(max(left, right) + 8)
        self.ink(17, "B")
        self.paragraph(title(sheet), self.epw, 8)
        if is_draft(sheet.statement):
            self.ink(BODY_PT, "B", WARN)
            self.paragraph(draft_note(sheet), self.epw)
        self.ln(3)

    def logo(self, data: bytes, y: float) -> None:
        """As large as its place allows, from the margin on."""
        _, _, picture = preload_image(self.image_cache, BytesIO(data))
        width, height = LOGO_MM
        scale = min(width / picture.width, height / picture.height)
        self.image(BytesIO(data), x=self.l_margin, y=y, w=picture.width * scale, h=picture.height * scale)

    def address(self, y: float) -> float:
        """In the window of an envelope; returns where it ends."""
        to, width = recipient(self.sheet), self.epw * 0.48
        self.set_xy(self.l_margin, y)
        if line := sender_line(self.sheet):
            self.ink(6.5, color=SOFT)
            self.paragraph(line, width, 3)
            self.ln(1.5)
        self.ink(10, "B")
        self.paragraph(to.name, width, 4.8)
        self.ink(10)
        for line in to.lines:
            self.paragraph(line, width, 4.8)
        end: float = self.get_y()
        return end

    def references(self, y: float) -> float:
        width = self.epw * 0.46
        label = width * 0.34
        x: float = self.w - self.r_margin - width
        for fact in references(self.sheet):
            self.ink(BODY_PT - 0.5, color=SOFT)
            self.put(x, y, label, fact.label)
            self.ink(BODY_PT - 0.5)
            for line in self.wrapped(fact.value, width - label):
                self.put(x + label, y, width - label, line, right=True)
                y += LINE_MM
        return y

    # The lines

    @property
    def _described(self) -> float:
        return self.epw - sum(WIDTHS_MM)

    def row(self, cells: Sequence[str], y: float) -> None:
        """Date, description, who, hours, rate and amount, one line each."""
        x = self.l_margin
        widths = (self._date, self._described, self._who, self._hours, self._rate, self._amount)
        for place, (width, text) in enumerate(zip(widths, cells, strict=True)):
            if text:
                self.put(x, y, width - (0 if place > 2 else GAP_MM), text, right=place > 2)
            x += width

    def column_titles(self) -> None:
        self.ink(SMALL_PT + 0.5, "B")
        y = self.get_y()
        self.row(titles(self.sheet), y)
        self.rule(y + LINE_MM + 0.8, INK, 0.35)
        self.set_y(y + LINE_MM + 1.8)

    def lines(self) -> None:
        self.column_titles()
        self.in_table = True
        groups = self.sheet.groups
        for group in groups:
            self.group(group, several=len(groups) > 1, is_last=group is groups[-1])
        self.in_table = False

    def group(self, group: StatementGroup, *, several: bool, is_last: bool) -> None:
        """What is to be paid and where never stands alone on a page: the last line goes there with it."""
        sheet = self.sheet
        self.room(3 * LINE_MM)
        self.ln(1.2)
        self.ink(BODY_PT, "B")
        self.paragraph(group_title(sheet, group), self.epw)
        self.rule(self.get_y() + 0.6)
        self.ln(1.6)
        below = (LINE_MM + 2.2 if several else 0) + (self.sums_height() + self.payment_height() if is_last else 0)
        lines = list(group.lines_only)
        for line in lines:
            self.line_of(line, below if line is lines[-1] else 0)
        if several:
            self.room(LINE_MM + 2)
            self.ink(BODY_PT, "B")
            self.row(subtotal(sheet, group), self.get_y())
            self.ln(LINE_MM + 2.2)

    def line_of(self, line: StatementLine, below: float) -> None:
        """As high as the longest of its texts; `below` is kept on its page."""
        sheet, cells = self.sheet, cells_of(self.sheet, line)
        self.ink()
        described = self.wrapped(cells.described, self._described - GAP_MM)
        who = self.wrapped(cells.who, self._who - GAP_MM)
        days = self.wrapped(cells.days, self._date - GAP_MM)
        self.ink(SMALL_PT, color=SOFT)
        beside = [each for text in _beside(sheet, line) for each in self.wrapped(text, self._described - GAP_MM)]
        height = max(len(days), len(who), len(described)) * LINE_MM
        height = max(height, len(described) * LINE_MM + len(beside) * SMALL_LINE_MM)
        self.room(height + 1.4 + below)
        y = self.get_y()
        self.ink()
        self.column(days, self.l_margin, self._date, y)
        end = self.column(described, self.l_margin + self._date, self._described, y)
        self.column(who, self.l_margin + self._date + self._described, self._who, y)
        self.row(cells._replace(days="", described="", who=""), y)
        self.ink(SMALL_PT, color=SOFT)
        for text in beside:
            self.put(self.l_margin + self._date, end, self._described, text)
            end += SMALL_LINE_MM
        self.rule(y + height + 0.5)
        self.set_y(y + height + 1.4)

    def column(self, texts: Sequence[str], x: float, width: float, y: float) -> float:
        for text in texts:
            self.put(x, y, width - GAP_MM, text)
            y += LINE_MM
        return y

    # The end

    def sums_height(self) -> float:
        self.ink(11, "B")
        lines = [self.wrapped(row.label, self.epw * SUMS_WIDTH - FIGURE_MM - GAP_MM) for row in sum_rows(self.sheet)]
        return sum(map(len, lines)) * (LINE_MM + 1) + 8

    def sums(self) -> None:
        width, figure = self.epw * SUMS_WIDTH, FIGURE_MM
        x = self.w - self.r_margin - width
        self.room(self.sums_height())
        self.ln(3)
        for row in sum_rows(self.sheet):
            y = self.get_y()
            if row.is_paid:
                self.set_draw_color(*INK)
                self.set_line_width(0.35)
                self.line(x, y + 0.8, self.w - self.r_margin, y + 0.8)
                y += 2
                self.ink(11, "B")
            else:
                self.ink()
            for place, line in enumerate(self.wrapped(row.label, width - figure - GAP_MM)):
                self.put(x, y, width - figure - GAP_MM, line)
                if not place:
                    self.put(x + width - figure, y, figure, row.text, right=True)
                y += LINE_MM + (0.6 if row.is_paid else 0)
            self.set_y(y + 0.8)

    def payment_height(self) -> float:
        facts = list(payment(self.sheet))
        return len(facts) * LINE_MM + 6 if facts else 0

    def payment(self) -> None:
        facts = list(payment(self.sheet))
        if not facts:
            return
        self.room(self.payment_height())
        self.ln(5)
        for fact in facts:
            y = self.get_y()
            self.ink(color=SOFT)
            self.put(self.l_margin, y, 34, fact.label)
            self.ink()
            for line in self.wrapped(fact.value, self.epw - 34):
                self.put(self.l_margin + 34, y, self.epw - 34, line)
                y += LINE_MM
            self.set_y(y)

    def notes(self) -> None:
        """What marks mean, then the sentences."""
        sheet, words = self.sheet, self.sheet.words
        marked = [flag for flag in MARKED if any(flag in line.flags for line in sheet.statement.lines)]
        told = [*(f"{words[flag]}: {words[f'{flag}_note']}" for flag in marked), *notes(sheet)]
        self.ln(5)
        self.ink(SMALL_PT + 0.5, color=SOFT)
        for text in told:
            self.set_x(self.l_margin)
            self.paragraph(text, self.epw, SMALL_LINE_MM + 0.4)
            self.ln(0.8)

    def footer(self) -> None:
        """Who it is from, and the page's number."""
        columns = foot(self.sheet)
        top = self.h - MARGIN_MM - FOOT_MM + 4
        self.set_auto_page_break(False)
        self.ink(6.5, color=SOFT)
        if columns:
            self.rule(top)
            width = self.epw / len(columns)
            for place, column in enumerate(columns):
                x, y = self.l_margin + place * width, top + 1.5
                for text in (each for line in column for each in self.wrapped(line, width - 4)):
                    self.set_xy(x, y)
                    self.cell(width - 4, 3, text)
                    y += 3
        self.set_xy(self.l_margin, self.h - MARGIN_MM + 3)
        number = self.sheet.words["page"].format(page=self.page_no(), pages=self.str_alias_nb_pages)
        # The number of pages is put in last, so a text on the right would not end at the margin.
        self.cell(self.epw, 3, number, align="C")
        self.set_auto_page_break(True, MARGIN_MM + self.foot_height)


@cache
def _parsed() -> FPDF:
    """The fonts, read once for all documents: widths of 2,000 letters each."""
    parsed = FPDF()
    for style, path in FILES.items():
        parsed.add_font(FONT, style, path)
    return parsed


@cache
def _written() -> frozenset[int]:
    """What both fonts have letters for."""
    of_each = [frozenset(font.cmap) for font in _parsed().fonts.values() if isinstance(font, TTFFont)]
    return frozenset.intersection(*of_each)


def _fonts() -> Iterator[tuple[str, TTFFont]]:
    """Of one document. What it embeds is cut out of a file of its own, since that leaves only the letters that it uses."""
    for key, font in deepcopy(dict(_parsed().fonts)).items():
        if isinstance(font, TTFFont):
            font.ttfont = TTFont(font.ttffile, recalcTimestamp=False, lazy=True)
            yield key, font


def _beside(sheet: StatementSheet, line: StatementLine) -> Iterator[str]:
    """Below the description; marks in one row."""
    yield from beside(sheet, line)
    if flags := ", ".join(marked(sheet, line)):
        yield flags
