"""``tweakreg refcat gaia``: fetch the stars of a recipe's field, and pin them in a file."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.printable import printable_line

if TYPE_CHECKING:
    from tweakreg_steps.refcat.services import Answer, Service

_MARGIN = 30.0
"""Arcseconds around the exposures: pointings of HST are wrong by a few, and the fastest stars move
by ten a year."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("catalog", choices=["gaia"], help="what to fetch: gaia is Gaia DR3")
    add_recipe(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("gaia.ecsv"),
        metavar="FILE",
        help="the catalog to write (default: gaia.ecsv); only one that this command wrote is "
        "written again",
    )
    parser.add_argument(
        "--faintest", type=_number, metavar="MAG", help="faint limit of the G magnitude"
    )
    parser.add_argument(
        "--margin",
        type=_positive,
        default=_MARGIN,
        metavar="ARCSEC",
        help="how far around the exposures (default: %(default)g)",
    )
    parser.add_argument(
        "--service",
        action="append",
        metavar="URL",
        help="a TAP service to ask in the place of the known ones; several are asked in turn",
    )
    parser.add_argument(
        "--table",
        default="gaiadr3.gaia_source",
        metavar="NAME",
        help="what that service calls Gaia's sources (default: %(default)s)",
    )


def _number(text: str) -> float:
    """Return a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentTypeError(f"{text!r} is no number")
    return value


def _positive(text: str) -> float:
    """Return a number that is not negative."""
    value = _number(text)
    if value < 0.0:
        raise ArgumentTypeError(f"{text!r} is negative")
    return value


def run(arguments: Namespace) -> int:
    """Fetch the catalog, write it, and say what to do with it."""
    from datetime import UTC, datetime

    from tweakreg_steps.recipes.inputs import images_of
    from tweakreg_steps.refcat.pinning import digest_of, former_pin, plain_table, write_pinned
    from tweakreg_steps.refcat.services import fetch_gaia
    from tweakreg_steps.refcat.sky_field import fields_of

    recipe = read_recipe(arguments.recipe)
    output: Path = arguments.output
    before = former_pin(output)
    images = images_of(recipe)
    circles = fields_of(((i.path, i.selection) for i in images), margin=arguments.margin)
    for circle in circles:
        where = f"{circle.ra:.5f} {circle.dec:+.5f}, radius {circle.radius * 60.0:.2f} arcmin"
        sys.stderr.write(f"field: {where}\n")
    services = _services(arguments)
    answer = fetch_gaia(circles, faintest=arguments.faintest, services=services)
    if before and before["sha256"] == digest_of(plain_table(answer.stars)):
        sys.stderr.write(f"{output}: holds the same stars since {before['date']}, and stays\n")
    else:
        write_pinned(output, answer, fetched=datetime.now(UTC))
    _say(output, answer)
    return 0


def _services(arguments: Namespace) -> list[Service]:
    """Return whom to ask."""
    from tweakreg_steps.refcat.services import SERVICES, Service

    wrong = [url for url in arguments.service or () if not url.startswith(("http://", "https://"))]
    if wrong:
        raise InputError(f"--service {wrong[0]}: is no address; begin it with https://")
    if arguments.service:
        return [Service(url.rstrip("/"), arguments.table) for url in arguments.service]
    return list(SERVICES)


def _say(output: Path, answer: Answer) -> None:
    """Say what was fetched, and how a recipe takes it."""
    text = f"{output}: {len(answer.stars)} stars of Gaia DR3 from {answer.service.url}"
    sys.stdout.write(f"{printable_line(text)}\n")
    sys.stderr.write(f"to align with them: reference_catalog: {{refcat: {output.name}}}\n")
