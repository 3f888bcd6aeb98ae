"""Whether annotations show text on a PDF page that its text layer does not hold."""

from __future__ import annotations

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

_TEXT_FIELDS = (
    pdfium_c.FPDF_FORMFIELD_TEXTFIELD,
    pdfium_c.FPDF_FORMFIELD_COMBOBOX,
    pdfium_c.FPDF_FORMFIELD_LISTBOX,
)
_UNSEEN = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
_TERMINATOR_BYTES = 2
"""An empty UTF-16 string, as PDFium counts it."""


def shows_annotated_text(page: pdfium.PdfPage) -> bool:
    """True for a filled text field or choice, a free text, a stamp or a signature's appearance."""
    return any(_shows_text(page, index) for index in range(max(0, pdfium_c.FPDFPage_GetAnnotCount(page))))


def _shows_text(page: pdfium.PdfPage, index: int) -> bool:
    annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
    if not annotation:
        return False
    try:
        if pdfium_c.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
            return False
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium_c.FPDF_ANNOT_WIDGET:
            return _is_filled(page, annotation)
        return kind in (pdfium_c.FPDF_ANNOT_FREETEXT, pdfium_c.FPDF_ANNOT_STAMP)
    finally:
        pdfium_c.FPDFPage_CloseAnnot(annotation)


def _is_filled(page: pdfium.PdfPage, widget: object) -> bool:
    if page.formenv is None:
        return False
    kind = pdfium_c.FPDFAnnot_GetFormFieldType(page.formenv, widget)
    if kind == pdfium_c.FPDF_FORMFIELD_SIGNATURE:
        normal = pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL
        return bool(pdfium_c.FPDFAnnot_GetAP(widget, normal, None, 0) > _TERMINATOR_BYTES)
    if kind not in _TEXT_FIELDS:
        return False
    return bool(pdfium_c.FPDFAnnot_GetFormFieldValue(page.formenv, widget, None, 0) > _TERMINATOR_BYTES)
