"""What may `quire submit` be told?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.client.documents import Document
from quire_endpoint.client.request import MAX_TTL_SECONDS, Request
from quire_endpoint.s3_location import NoS3Location


@dataclass(frozen=True)
class SubmitOptions:
    """`within_seconds` None is as long as the jobs' own deadlines. The last two are for the dry run alone."""

    endpoint: str
    documents: tuple[Document | str, ...]
    request: Request
    ledger: Path
    input_prefix: str | None
    queue_url: str | None
    out: Path | None
    within_seconds: float | None
    is_waiting: bool
    is_retrying: bool
    is_dry_run: bool
    document_seconds: float
    at_once: int


def parse(arguments: Sequence[str]) -> SubmitOptions:
    """Ends the process for --help, and with status 2 for what it does not understand. Raises ValueError for
    what AWS would refuse, OSError for a --from that cannot be read."""
    given = _parser().parse_args(arguments)
    request = Request(given.ttl, given.timeout, given.accept, dict(given.option))
    return SubmitOptions(
        endpoint=given.endpoint,
        documents=_documents(given),
        request=request,
        ledger=given.ledger or Path(f"quire-{given.endpoint}.ledger"),
        input_prefix=given.input,
        queue_url=given.queue,
        out=given.out,
        within_seconds=given.within,
        is_waiting=given.wait,
        is_retrying=given.retry_failed,
        is_dry_run=given.dry_run,
        document_seconds=given.document_seconds,
        at_once=given.at_once,
    )


def _documents(given: argparse.Namespace) -> tuple[Document | str, ...]:
    """File names are bytes on Linux: what is not UTF-8 in them is read as the system would."""
    listed = given.listed.read_text("utf-8", "surrogateescape").splitlines() if given.listed else []
    names = [*given.sources, *filter(None, listed)]
    return tuple(_document(name, given.content_type) for name in names)


def _document(name: str, content_type: str | None) -> Document | str:
    """A location that is none stays as it is: it is that document's failure."""
    try:
        return Document(Document.of(name).source, name, content_type)
    except NoS3Location:
        return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quire submit",
        description="Submit documents and wait for their answers. Start it again after whatever ended it: "
        "nothing is submitted twice. The exit status is 1 unless all succeeded in full.",
    )
    parser.add_argument("endpoint", metavar="ENDPOINT")
    parser.add_argument("sources", nargs="*", metavar="FILE", help="a file, or s3://bucket/key")
    _of_the_request(parser.add_argument_group("the request"))
    add = parser.add_argument
    add("--from", dest="listed", type=Path, metavar="FILE", help="names more documents, one a line")
    add("--input", metavar="s3://BUCKET/PREFIX", help="where documents over 128,000 bytes are uploaded")
    add("--ledger", type=Path, help="remembers the batch: by default quire-ENDPOINT.ledger")
    add("--queue", metavar="URL", help="SQS queue of your own, subscribed to the endpoint's topics")
    add("--out", type=Path, metavar="DIR", help="download answers to")
    add("--within", type=float, metavar="SECONDS", help="wait no longer than that")
    add("--no-wait", dest="wait", action="store_false", help="submit all at once and leave")
    add("--retry-failed", action="store_true", help="what failed in an earlier run is new again")
    _of_the_dry_run(parser.add_argument_group("dry run"))
    return parser


def _of_the_request(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--content-type", help="of all documents; by default guessed from their names")
    add("--accept", help="format of the answers")
    add("--option", type=_option, action="append", default=[], metavar="NAME=VALUE", help="such as dpi=150")
    add("--ttl", type=int, default=MAX_TTL_SECONDS, help="seconds that a document may wait (%(default)s)")
    add("--timeout", type=int, default=900, help="seconds that it may take (%(default)s)")


def _of_the_dry_run(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--dry-run", action="store_true", help="say how many hours it would take, and do nothing")
    add("--document-seconds", type=float, default=10.0, help="that one document takes (%(default)s)")
    add("--at-once", type=int, default=1, help="documents in work at once (%(default)s)")


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
