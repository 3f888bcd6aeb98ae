"""`quire local …` and `quire why`: start a local endpoint, look at it, hurt it, stop it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from quire_endpoint.local.admin import Admin, AdminFailed
from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.switches import Fate

Given = ParamSpec("Given")

local = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="SageMaker Asynchronous Inference on this machine. AWS_ENDPOINT_URL says where one runs.",
)

_LEAST_WIDTH = 160
"""Of a table: a narrow terminal shows its lines in two rather than cutting its words."""


def _says_why(command: Callable[Given, None]) -> Callable[Given, None]:
    @wraps(command)
    def run(*arguments: Given.args, **options: Given.kwargs) -> None:
        try:
            command(*arguments, **options)
        except AdminFailed as error:
            typer.echo(f"quire: {error}", err=True)
            raise typer.Exit(1) from error

    return run


@local.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False
)
def up(context: typer.Context) -> None:
    """Start it, until Ctrl-C. --help lists the options."""
    from quire_endpoint.local.running import run
    from quire_endpoint.local.up_options import parse

    raise typer.Exit(run(parse(context.args)))


@local.command()
@_says_why
def status(requests: Annotated[int, typer.Option(help="How many of the latest to show.")] = 10) -> None:
    """Endpoints, instances, queues, the latest requests, faults."""
    admin = Admin.of_environment()
    state = admin.get("/state", requests=requests)
    screen = _screen()
    screen.print(f"{admin.url}, page {admin.url}/_quire/, speed {state['speed']:g}", markup=False)
    for table in (_endpoints(state), _instances(state), _requests(state), _faults(state["faults"])):
        if table.row_count:
            screen.print(table)
    for endpoint in state["endpoints"]:
        for warning in sorted({each["warning"] for each in endpoint["instances"] if each["warning"]}):
            screen.print(f"{endpoint['name']}: {warning}", markup=False)


@local.command()
@_says_why
def fault(
    kind: Annotated[FaultKind | None, typer.Argument(help="What is to go wrong.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Of this one only.")] = None,
    share: Annotated[float, typer.Option(help="The chance that it strikes.")] = 1.0,
    times: Annotated[int | None, typer.Option(help="How often; default: until it is taken back.")] = None,
    seconds: Annotated[float, typer.Option(help="How long a slow one takes.")] = 5.0,
    list_them: Annotated[bool, typer.Option("--list", help="Only show those that are on.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="End them all first.")] = False,
) -> None:
    """Let something go wrong, until it is spent or cleared."""
    admin = Admin.of_environment()
    if clear:
        admin.delete("/faults")
    if kind is not None and not list_them:
        asked = {"kind": kind.value, "endpoint_name": endpoint, "share": share}
        admin.post("/faults", {**asked, "times": times, "seconds": seconds})
    elif kind is None and not list_them and not clear:
        raise typer.BadParameter(f"name one of {', '.join(FaultKind)}, --list or --clear")
    faults = admin.get("/faults")["faults"]
    _screen().print(_faults(faults) if faults else "No faults are on.")


@local.command()
@_says_why
def kill_instance(
    endpoint: Annotated[str, typer.Argument(help="The endpoint's name.")],
    instance: Annotated[str | None, typer.Argument(help="Default: one with work in flight.")] = None,
    fate: Annotated[Fate | None, typer.Option(help="Of its work. Default: as the switch says.")] = None,
) -> None:
    """SIGKILL to an instance, as a machine dies; another takes its place."""
    path = f"/endpoints/{quote(endpoint, safe='')}/kill-instance"
    killed = Admin.of_environment().post(path, {"instance_id": instance, "fate": fate})
    typer.echo(f"{killed['instance_id']} of {endpoint} is killed.")


@local.command()
@_says_why
def down() -> None:
    """Stop it: its containers, then itself."""
    admin = Admin.of_environment()
    admin.post("/stop")
    typer.echo(f"{admin.url} is stopping.")


@_says_why
def why(
    inference_id: Annotated[str, typer.Argument(help="As InvokeEndpointAsync answered it.")],
    ledger: Annotated[Path | None, typer.Option(help="A client's, which knows of its other calls.")] = None,
) -> None:
    """Say why an invocation at the local endpoint stands where it stands, and what helps."""
    told = Admin.of_environment().get("/why", inference_id=inference_id)
    where = f" at {told['endpoint_name']}" if told["endpoint_name"] else ""
    lines = [f"{told['inference_id']}{where}: {told['ending'] or told['name']}", "", told["cause"]]
    lines += [f"  {detail}" for detail in told["details"]]
    lines += ["", f"What helps: {told['remedy']}"]
    if told["happenings"]:
        lines += ["", "What happened:"]
    for step in told["happenings"]:
        delivery = f" ({step['delivery']})" if step["delivery"] > 1 else ""
        lines.append(f"  {step['seconds']:9.3f} s  {step['step']}{delivery}  {step['detail']}".rstrip())
    logs = (
        ("Data log", told["data_log"]),
        ("Container's log", told["container_log"]),
        ("End of the instance's log", told["instance_log"]),
    )
    for title, found in logs:
        lines += ["", f"{title}:", *(f"  {line}" for line in found)] if found else []
    if told["failure_object"] is not None:
        lines += ["", "Failure object:", f"  {told['failure_object']}"]
    lines += ["", f"{ledger}:", *(f"  {line}" for line in _known(ledger, inference_id))] if ledger else []
    typer.echo("\n".join(lines))


def _known(ledger: Path, inference_id: str) -> list[str]:
    from quire_endpoint.client.later_calls import later_calls
    from quire_endpoint.client.ledger_schema import NoLedger

    try:
        return later_calls(ledger, inference_id)
    except NoLedger as error:
        raise AdminFailed(str(error)) from error


def _screen() -> Console:
    width = max(_LEAST_WIDTH, shutil.get_terminal_size().columns)
    return Console(highlight=False, soft_wrap=True, width=width)


def _endpoints(state: dict[str, Any]) -> Table:
    table = _table("endpoint", "status", "instances", "concurrency", "waiting", "in flight", "oldest")
    for each in state["endpoints"]:
        queue = each["queue"]
        count = f"{each['current_instance_count']} of {each['desired_instance_count']}"
        oldest = queue["oldest_age_seconds"]
        status = each["status"] + (f": {each['failure_reason']}" if each["failure_reason"] else "")
        work = (each["max_concurrent_invocations"], queue["waiting"], queue["in_flight"])
        _add_row(table, each["name"], status, count, *map(str, work), "" if oldest is None else _span(oldest))
    return table


def _instances(state: dict[str, Any]) -> Table:
    table = _table("instance", "endpoint", "phase", "for", "port", "pid", "in flight")
    for endpoint in state["endpoints"]:
        for each in endpoint["instances"]:
            since = _span(state["now_seconds"] - each["seconds"])
            place = (str(each["port"] or ""), str(each["pid"] or ""), str(len(each["in_flight"])))
            _add_row(table, each["instance_id"], endpoint["name"], each["phase"], since, *place)
    return table


def _requests(state: dict[str, Any]) -> Table:
    table = _table("request", "endpoint", "age", "now", "pages", "deliveries", "detail")
    for each in state["requests"]:
        now = each["ending"] or (each["spans"][-1]["name"] if each["spans"] else "")
        pages = f"{each['pages']['done']}/{each['pages']['total']}" if each["pages"] else ""
        age = _span(state["now_seconds"] - each["received_seconds"])
        names = (each["inference_id"], each["endpoint_name"])
        _add_row(table, *names, age, now, pages, str(each["deliveries"]), each["detail"][:60])
    return table


def _faults(faults: list[dict[str, Any]]) -> Table:
    table = _table("fault", "endpoint", "share", "times left", "seconds")
    for each in faults:
        left = "any" if each["times"] is None else str(each["times"])
        name = each["endpoint_name"] or "every"
        _add_row(table, each["kind"], name, f"{each['share']:g}", left, f"{each['seconds']:g}")
    return table


def _table(*headings: str) -> Table:
    table = Table(*headings, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    return table


def _add_row(table: Table, *cells: str) -> None:
    """As they are: what others named may look like rich's markup."""
    table.add_row(*map(Text, cells))


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
