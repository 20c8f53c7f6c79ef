"""``tweakreg why``: how an image went, and what a file was made from, back to the user's own."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError, RecipeError
from tweakreg_steps.printable import printable


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE|IMAGE",
        help="a file that a run has made, or a copy of one; or the name of an image of a run here",
    )
    parser.add_argument(
        "-o", "--outdir", type=Path, metavar="DIR", help="the output folder that knows the image"
    )
    parser.add_argument("--json", action="store_true", help="the same for programs, as a tree")


def run(arguments: Namespace) -> int:
    """Print the verdict about an image, and the ancestry of a file."""
    text = _of_image(arguments) or _of_ledger(arguments) or _of_file(arguments)
    sys.stdout.write(text if arguments.json else printable(text))
    return 0


def _of_image(arguments: Namespace) -> str | None:
    """Return what is known of an image called by its name, or None where none is called so."""
    from tweakreg_steps.provenance.verdicts import outdirs_of, verdict_lines, verdict_of
    from tweakreg_steps.steps.products import FIT

    name: Path = arguments.file
    if len(name.parts) != 1 or name.exists():
        return None
    outdirs = outdirs_of(str(name), arguments.outdir or Path())
    if not outdirs:
        return None
    sys.stderr.write(f"tweakreg: of the run in {outdirs[0]}\n" if len(outdirs) > 1 else "")
    arguments.file = outdirs[0] / FIT.path(image=str(name))
    if arguments.file.is_file():
        return _of_ledger(arguments)
    verdict = verdict_of(outdirs[0], str(name)) or {}
    if arguments.json:
        return _json({"verdict": _for_programs(verdict)})
    return "".join(f"{line}\n" for line in verdict_lines(verdict))


def _of_ledger(arguments: Namespace) -> str | None:
    """Return what the ledger of the output folder knows, or None where it knows nothing."""
    from tweakreg_steps.provenance.ancestry import find_maker, find_outdir, trace
    from tweakreg_steps.provenance.report import text_of_ancestry, tree_of_ancestry
    from tweakreg_steps.provenance.verdicts import image_of, verdict_lines, verdict_of

    file: Path = arguments.file
    outdir = find_outdir(file)
    if outdir is None:
        return None
    product = os.path.relpath(file, outdir)
    maker = find_maker(outdir, product)
    if maker is None:
        return None
    made = trace(outdir, maker)
    verdict = verdict_of(outdir, image_of(outdir, *maker))
    if arguments.json:
        tree = {"product": product, "made_by": tree_of_ancestry(made)}
        return _json({"verdict": _for_programs(verdict), **tree} if verdict else tree)
    first = "".join(f"{line}\n" for line in verdict_lines(verdict)) + "\n" if verdict else ""
    return first + text_of_ancestry(made, product=product)


def _for_programs(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict as JSON can hold it."""
    keys = ("image", "status", "reason", "detail", "cure")
    return {key: verdict.get(key, "") for key in keys}


def _of_file(arguments: Namespace) -> str:
    """Return what a file says of itself.

    Raises
    ------
    RecipeError
        It says nothing.
    """
    from tweakreg_steps.provenance.reading import read_statements
    from tweakreg_steps.provenance.report import text_of_statements

    file: Path = arguments.file
    if not file.exists() and len(file.parts) == 1:
        raise RecipeError(
            f"why: {file}: there is no such file, and no output folder here, one folder below or "
            "in results/ knows an image of that name; -o DIR names another one"
        )
    try:
        statements = read_statements(file)
    except InputError as error:
        raise RecipeError(f"why: {error}") from error
    if not statements:
        raise RecipeError(
            f"why: {file}: no job made it, as far as it says itself and the ledger of an output "
            "folder knows; name a product of a run, such as summary.ecsv"
        )
    if arguments.json:
        return _json({"product": file.name, "statements": statements})
    return text_of_statements(statements)


def _json(value: object) -> str:
    """Write for programs."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
