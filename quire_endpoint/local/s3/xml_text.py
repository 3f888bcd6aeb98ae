"""How does S3's XML become values, and values S3's XML?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from quire_endpoint.local.s3.errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold, and keys may: clients that mind ask for encoding-type=url."""


@dataclass(frozen=True)
class Node:
    """An element with either text or elements in it."""

    name: str
    content: str | int | Sequence[Node] = ""


def document(root: Node, namespace: str = NAMESPACE) -> bytes:
    """With the XML declaration. S3 writes an error without a namespace."""
    element = _element(root)
    if namespace:
        element.set("xmlns", namespace)
    text: bytes = ElementTree.tostring(element, encoding="UTF-8", xml_declaration=True)
    return text


def parsed(text: bytes) -> ElementTree.Element:
    """Raises S3Error MalformedXML."""
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise S3Error("MalformedXML", f"The XML you provided was not well-formed: {error}") from error


def local_name(element: ElementTree.Element) -> str:
    """Without its namespace, which clients leave out at times."""
    return element.tag.rpartition("}")[2]


def texts(element: ElementTree.Element, name: str) -> Iterator[str]:
    """Of every child of this name."""
    return (child.text or "" for child in element if local_name(child) == name)


def first_text(element: ElementTree.Element, name: str) -> str:
    """Of the first child of this name; empty where there is none."""
    return next(texts(element, name), "")


def _element(node: Node) -> ElementTree.Element:
    element = ElementTree.Element(node.name)
    if isinstance(node.content, str | int):
        element.text = _NOT_XML.sub("\ufffd", str(node.content))
    else:
        element.extend(_element(child) for child in node.content)
    return element
