"""`quire conformance`: what was asked of it, and what does it answer?"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.conformance.estimate import PRICE_PER_HOUR, estimate
from quire_endpoint.conformance.local_target import SPEED, DoesNotStart, local_target
from quire_endpoint.conformance.row import Result, Row, Verdict
from quire_endpoint.conformance.suite import NoSuchRow, chosen, run
from quire_endpoint.conformance.table import listing, result_line, summary
from quire_endpoint.conformance.target import Target

_AWS_NEEDS = ("role", "bucket", "image", "region")


def main(arguments: Sequence[str]) -> int:
    """The exit status: 1 where a row differs, 2 where nothing could be run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was made is taken away then, too
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        rows = chosen(given.rows)
    except NoSuchRow as error:
        parser.error(str(error))
    if given.list:
        _say(listing(rows))
        return 0
    try:
        return _against(rows, given, parser)
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"quire: the suite's endpoints were not made: {error}\n")
        return 2


def _against(rows: Sequence[Row], given: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if given.target == "local":
        return _against_local(rows, given.speed)
    missing = [name for name in _AWS_NEEDS if not getattr(given, name)]
    if missing:
        parser.error(f"--target aws needs --{' and --'.join(missing)}")
    return _against_aws(rows, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quire conformance",
        description="Checks, claim by claim, that an endpoint behaves as SageMaker's asynchronous inference "
        "does; docs/conformance.md has the claims. Nobody has run it against AWS yet.",
    )
    add = parser.add_argument
    add("rows", nargs="*", metavar="ROW", help="run only these; default: all")
    add("--target", choices=("local", "aws"), default="local", help="default: %(default)s")
    add("--list", action="store_true", help="print the rows, and run nothing")
    add("--speed", type=float, default=SPEED, metavar="N", help="of the local endpoint (%(default)g)")
    aws = parser.add_argument_group("--target aws")
    aws.add_argument("--role", metavar="ARN", help="of the endpoints: may read and write the bucket, publish")
    aws.add_argument("--bucket", help="for inputs, outputs and model data, beneath conformance-…/")
    aws.add_argument("--image", metavar="URI", help="in ECR, built of quire_endpoint/conformance/Dockerfile")
    aws.add_argument("--region")
    aws.add_argument("--instance-type", default="ml.m5.large", metavar="TYPE", help="default: %(default)s")
    price = "US dollars for an instance-hour (%(default)s, ml.m5.large)"
    aws.add_argument("--price", type=float, default=PRICE_PER_HOUR, metavar="USD", help=price)
    aws.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    return parser


def _against_local(rows: Sequence[Row], speed: float) -> int:
    try:
        with local_target(speed) as target:
            return _report(run(target, rows, _tell))
    except DoesNotStart as error:
        sys.stderr.write(f"quire: the local endpoint did not start:\n{error}\n")
        return 2


def _against_aws(rows: Sequence[Row], given: argparse.Namespace) -> int:
    checkable = [row for row in rows if not row.claim.is_local]
    _say(f"Against AWS, in {given.region}: {estimate(checkable, given.price)}.")
    _say(
        "Nobody has run this suite against AWS yet. It makes endpoints named conformance-…, and deletes them"
    )
    _say("in the end; look for what is left if it is killed.")
    if not given.yes and input("Start? [y/N] ").strip().lower() != "y":
        return 2
    target = Target(given.region, given.role, given.image, given.bucket, given.instance_type)
    return _report(run(target, rows, _tell))


def _report(results: Sequence[Result]) -> int:
    _say(summary(results))
    return int(any(result.verdict is Verdict.DIFFERS for result in results))


def _tell(result: Result) -> None:
    _say(result_line(result))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
