"""Draws the sample documents beside this file, each with its true text: `python -m tests.data.generate`."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.data import prose
from tests.data.layered_pdf import layered_pdf
from tests.data.sheets import Sheet, line_height, worn, wrapped

PAGE_BREAK = "\f"
_CONTRACT_PAGES = 40
_DATE = time.gmtime(1735689600)


def main(place: Path = Path(__file__).parent) -> None:
    """Writes every document and its text into `place`."""
    for draw in (invoice, report, contract, letters, statement):
        name, text = draw(place)
        (place / name).with_suffix(".txt").write_text(text + "\n", encoding="utf-8")


def invoice(place: Path) -> tuple[str, str]:
    """One page as a JPEG photograph: a table, sums, slightly turned."""
    sheet = Sheet(1240, 1754)
    _invoice_head(sheet)
    _invoice_table(sheet)
    sheet.paragraph(110, 1400, "Please pay within thirty days to IBAN XY12 0000 4711 0815 2342.", 26, 1020)
    sheet.write(110, 1450, "Goods remain our property until they have been paid for in full.", 26)
    page = worn(sheet.image, random.Random(1), skew_degrees=0.6, noise=26)
    page.convert("RGB").save(place / "invoice.jpg", quality=45, dpi=(150, 150))
    return "invoice.jpg", sheet.text


def _invoice_head(sheet: Sheet) -> None:
    sheet.patch(110, 100, 180, 170, 90)
    sheet.write(210, 108, "Tidewater Fittings Ltd", 46)
    sheet.write(110, 200, "4 Rope Walk, Port Ellery", 26)
    sheet.write(110, 240, "Telephone 0555 013 482", 26)
    sheet.write(110, 360, "Invoice 2025-0318", 40)
    sheet.write(110, 430, "Date: 12 February 2025", 28)
    sheet.write(110, 475, "Customer: Harbour Libraries, Quay Street branch", 28)
    sheet.write(110, 520, "Order: HL-77-204, placed by Ingrid Solberg", 28)


def _invoice_table(sheet: Sheet) -> None:
    right_edges = (760, 930, 1130)
    sheet.rule(110, 640, 1130)
    sheet.write(110, 655, "Description", 26)
    for edge, heading in zip(right_edges, ("Quantity", "Price", "Amount"), strict=True):
        sheet.write(edge, 655, heading, 26, anchor="ra")
    sheet.rule(110, 700, 1130)
    y, total = 725, 0.0
    for description, quantity, price in prose.INVOICE_ROWS:
        sheet.write(110, y, description, 26)
        cells = (str(quantity), f"{price:,.2f}", f"{quantity * price:,.2f}")
        for edge, cell in zip(right_edges, cells, strict=True):
            sheet.write(edge, y, cell, 26, anchor="ra")
        total += quantity * price
        y += 62
    sheet.rule(110, y, 1130)
    for label, amount in (("Net", total), ("VAT 21%", total * 0.21), ("Total EUR", total * 1.21)):
        y += 56
        sheet.write(930, y - 30, label, 28, anchor="ra")
        sheet.write(1130, y - 30, f"{amount:,.2f}", 28, anchor="ra")


def report(place: Path) -> tuple[str, str]:
    """One page in two columns, as a PNG of sixteen greys."""
    sheet = Sheet(1240, 1754)
    sheet.write(110, 120, prose.REPORT_TITLE, 44)
    for left, paragraphs in zip((110, 660), prose.REPORT_COLUMNS, strict=True):
        y = 260.0
        for paragraph in paragraphs:
            y = sheet.paragraph(left, y, paragraph, 25, 470) + 26
    page = worn(sheet.image, random.Random(2), skew_degrees=-0.4, noise=0)
    page.quantize(16, dither=Image.Dither.NONE).save(place / "report.png", optimize=True, dpi=(150, 150))
    return "report.png", sheet.text


def contract(place: Path) -> tuple[str, str]:
    """Forty scanned-looking pages in one PDF, a JPEG each."""
    sheets = list(_contract_sheets(random.Random(3)))
    if len(sheets) != _CONTRACT_PAGES:
        raise ValueError(f"the contract fills {len(sheets)} pages, not {_CONTRACT_PAGES}: change its prose")
    chance = random.Random(4)
    pages = [worn(sheet.image, chance, skew_degrees=chance.uniform(-0.8, 0.8), noise=12) for sheet in sheets]
    pages[0].save(
        place / "contract.pdf",
        save_all=True,
        append_images=pages[1:],
        resolution=110,
        quality=24,
        creationDate=_DATE,
        modDate=_DATE,
    )
    return "contract.pdf", PAGE_BREAK.join(sheet.text for sheet in sheets)


def _contract_sheets(chance: random.Random) -> Iterator[Sheet]:
    numbers = itertools.count(1)
    for chapter in prose.contract_chapters(chance):
        clauses = [f"{index}. {clause}" for index, clause in enumerate(chapter.clauses, start=1)]
        while clauses:
            yield _contract_sheet(chapter.heading, next(numbers), clauses)


def _contract_sheet(heading: str, number: int, clauses: list[str]) -> Sheet:
    """A page with as many of the `clauses` as it holds; they are taken off the list."""
    sheet = Sheet(910, 1286)
    sheet.write(100, 90, f"Maintenance agreement, page {number}", 18)
    sheet.write(100, 135, heading, 30)
    y = 200.0
    while clauses and y + len(wrapped(clauses[0], 24, 700)) * line_height(24) < 950:
        y = sheet.paragraph(100, y, clauses.pop(0), 24, 700) + 44
    return sheet


def letters(place: Path) -> tuple[str, str]:
    """Three pages of black and white in one TIFF, CCITT group 4."""
    sheets = []
    for heading, date, paragraphs in prose.LETTERS:
        sheet = Sheet(1654, 2339)
        sheet.write(200, 220, heading, 54)
        sheet.write(200, 310, date, 36)
        y = 460.0
        for paragraph in paragraphs:
            y = sheet.paragraph(200, y, paragraph, 36, 1250) + 40
        sheets.append(sheet)
    chance = random.Random(5)
    pages = [_fax(sheet, chance) for sheet in sheets]
    pages[0].save(
        place / "letters.tiff",
        save_all=True,
        append_images=pages[1:],
        compression="group4",
        dpi=(200, 200),
    )
    return "letters.tiff", PAGE_BREAK.join(sheet.text for sheet in sheets)


def _fax(sheet: Sheet, chance: random.Random) -> Image.Image:
    grey = worn(sheet.image, chance, skew_degrees=chance.uniform(-0.5, 0.5), noise=40)
    return grey.point([0 if value < 150 else 255 for value in range(256)]).convert("1")


def statement(place: Path) -> tuple[str, str]:
    """Two born-digital pages with a text layer."""
    (place / "statement.pdf").write_bytes(layered_pdf(prose.STATEMENT_PAGES))
    return "statement.pdf", PAGE_BREAK.join("\n".join(lines) for lines in prose.STATEMENT_PAGES)


if __name__ == "__main__":
    main()
