"""`quire submit`, `quire results` and `quire watch`: documents to an endpoint, and answers back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

if TYPE_CHECKING:
    from quire_endpoint.client import AsyncEndpointClient, Outcome, Plan
    from quire_endpoint.client.submit_options import SubmitOptions

Given = ParamSpec("Given")

LedgerArgument = Annotated[Path, typer.Argument(metavar="LEDGER", help="The file that `quire submit` made.")]
Out = Annotated[Path | None, typer.Option(help="Directory to download answers to.")]
Queue = Annotated[
    str | None, typer.Option(help="URL of an SQS queue of your own, subscribed to the endpoint's topics.")
]
Within = Annotated[float | None, typer.Option(metavar="SECONDS", help="Wait no longer than that.")]

_UNFIT_FOR_A_FILE = re.compile(r"[/\\%:\x00-\x1f]")
_MOST_NAME_BYTES = 200


def _says_why(command: Callable[Given, None]) -> Callable[Given, None]:
    """Whatever stands in the way is one line on stderr, and exit status 1."""

    @wraps(command)
    def run(*arguments: Given.args, **options: Given.kwargs) -> None:
        import sqlite3

        from botocore.exceptions import BotoCoreError, ClientError

        from quire_endpoint.client import AsyncEndpointError

        try:
            command(*arguments, **options)
        except (AsyncEndpointError, BotoCoreError, ClientError, OSError, ValueError) as error:
            typer.echo(_writable(f"quire: {error}"), err=True)
            raise typer.Exit(1) from error
        except sqlite3.Error as error:
            typer.echo(f"quire: the ledger cannot be used: {error}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            typer.echo("quire: interrupted; the ledger knows how far it came", err=True)
            raise typer.Exit(130) from error

    return run


@_says_why
def submit(context: typer.Context) -> None:
    """Submit documents to an endpoint and wait for their answers. --help lists the options."""
    from quire_endpoint.client import AsyncEndpointClient
    from quire_endpoint.client.submit_options import parse

    options = parse(context.args)
    is_new = options.is_dry_run and not options.ledger.exists()
    with AsyncEndpointClient(
        options.endpoint,
        input_prefix=options.input_prefix,
        ledger=Path(":memory:") if is_new else options.ledger,
        queue_url=options.queue_url,
    ) as client:
        if options.is_dry_run:
            _say_plan(options, client.dry_run(options.documents, options.request))
            return
        if options.is_retrying:
            typer.echo(f"{client.forget_failures()} documents are tried again", err=True)
        if options.is_waiting:
            outcomes = client.submit_many(options.documents, options.request, options.within_seconds)
            _finish(client, outcomes, len(options.documents), options.out)
            return
        for document in options.documents:
            job = client.submit(document, options.request)
            typer.echo(f"{job.inference_id}\t{job.reference}")


@_says_why
def results(
    ledger: LedgerArgument,
    out: Out = None,
    json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not succeed in full.")] = False,
) -> None:
    """What became of the documents in a ledger, as far as is known; `quire watch` waits for the rest."""
    from quire_endpoint.client import Succeeded
    from quire_endpoint.client.outcomes import as_json

    with _client(ledger, None) as client:
        downloads = Downloads(client, out)
        for outcome in client.outcomes():
            if failed and isinstance(outcome, Succeeded):
                continue
            typer.echo(as_json(outcome) if json else _line(outcome))
            downloads.take(outcome)
        if unfinished := client.num_unfinished():
            typer.echo(f"{unfinished} documents have no outcome yet", err=True)
    if downloads.num_gone:
        raise typer.Exit(1)


@_says_why
def watch(ledger: LedgerArgument, queue: Queue = None, out: Out = None, within: Within = None) -> None:
    """Wait for every document in a ledger; submits what was entered and never left, and what is lost."""
    with _client(ledger, queue) as client:
        _finish(client, client.resume(within), client.num_unfinished(), out)


def _client(ledger: Path, queue: str | None) -> AsyncEndpointClient:
    from quire_endpoint.client import AsyncEndpointClient
    from quire_endpoint.client.ledger import open_ledger

    opened = open_ledger(ledger)
    endpoint, prefix = opened.setting("endpoint") or "", opened.setting("input_prefix")
    opened.close()
    return AsyncEndpointClient(endpoint, input_prefix=prefix, ledger=ledger, queue_url=queue)


def _finish(client: AsyncEndpointClient, outcomes: Iterable[Outcome], total: int, out: Path | None) -> None:
    from quire_endpoint.client import Succeeded

    is_whole, downloads = True, Downloads(client, out)
    for outcome in _with_progress(outcomes, total):
        is_whole &= isinstance(outcome, Succeeded)
        downloads.take(outcome)
        typer.echo(_line(outcome))
    if not is_whole or downloads.num_gone:
        raise typer.Exit(1)


def _with_progress(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """A bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("answers", total=total)
        for outcome in outcomes:
            progress.update(task, advance=1)
            yield outcome


def _line(outcome: Outcome) -> str:
    from quire_endpoint.client import Failed, Partial, Succeeded

    if isinstance(outcome, Succeeded | Partial):
        said = str(outcome.output)
    elif isinstance(outcome, Failed):
        said = " ".join(filter(None, (outcome.error.code, outcome.error.message)))
    else:
        said = outcome.message
    return _writable("\t".join((type(outcome).__name__.lower(), outcome.reference, " ".join(said.split()))))


def _writable(text: str) -> str:
    from quire_endpoint.client.documents import writable

    return writable(text)


class Downloads:
    """To a directory; None is nowhere. `num_gone` counts answers that are not in S3 any more."""

    def __init__(self, client: AsyncEndpointClient, out: Path | None) -> None:
        from quire_endpoint.client.saved_answers import SavedAnswers

        self._client = client
        self._saved = None if out is None else SavedAnswers(out)
        self.num_gone = 0

    def take(self, outcome: Outcome) -> None:
        from quire_endpoint.client import AnswerGone, Partial, Succeeded

        if self._saved is None or not isinstance(outcome, Succeeded | Partial):
            return
        name = file_name(outcome.reference, outcome.inference_id)
        try:
            self._saved.save(name, outcome.inference_id, lambda path: self._client.download(outcome, path))
        except AnswerGone as error:
            self.num_gone += 1
            typer.echo(f"quire: {outcome.reference}: {error}", err=True)


def file_name(reference: str, inference_id: str) -> str:
    """Of an answer: the document's name with .out behind it, other than any other name's. A name too long for
    a file is cut, and told apart by the inference id."""
    name = _UNFIT_FOR_A_FILE.sub(lambda found: f"%{ord(found[0]):02X}", reference)
    if len(name.encode()) <= _MOST_NAME_BYTES:
        return f"{name}.out"
    cut = name.encode()[: _MOST_NAME_BYTES - len(inference_id)].decode(errors="ignore")
    return f"{cut}-{inference_id}.out"


def _say_plan(options: SubmitOptions, plan: Plan) -> None:
    hours = plan.hours(options.document_seconds, options.at_once)
    typer.echo(
        f"{plan.num_documents} documents: {plan.num_known} submitted before, {plan.num_in_s3} in S3, "
        f"{plan.num_inline} go with the call, {plan.upload_bytes / 1e6:.1f} MB to upload\n"
        f"{hours:.1f} hours for {plan.num_to_submit} documents, where one takes "
        f"{options.document_seconds:g} s and {options.at_once} are in work at once"
    )
