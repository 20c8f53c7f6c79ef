"""``tweakreg gui``: a recipe, its run and its results in the browser."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from importlib.util import find_spec
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.running.interrupting import Terminated

_PORTS = 65535


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="the port (default: any that is free)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a further folder whose files the recipe may be given",
    )


def _port(text: str) -> int:
    """Read a port."""
    if not text.isdecimal() or not int(text) <= _PORTS:
        raise ArgumentTypeError(f"{text!r} is not a port; give a number up to {_PORTS}")
    return int(text)


def run(arguments: Namespace) -> int:
    """Serve the desk until it is interrupted; print its address."""
    if find_spec("panel") is None:
        raise RecipeError("the page in the browser needs Panel: pip install 'tweakreg-steps[gui]'")
    from tweakreg_steps.gui.bench import Bench
    from tweakreg_steps.gui.desk import Desk
    from tweakreg_steps.gui.folders import Folders
    from tweakreg_steps.gui.server import serve

    recipe: Path = arguments.recipe
    if not recipe.absolute().parent.is_dir():
        raise RecipeError(f"{recipe}: there is no folder {recipe.parent}; make it first")
    folders = Folders.of_recipe(recipe, arguments.folder)

    def opened(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        sys.stderr.write("end it with Ctrl-C; whoever knows the address can use it\n")
        if not arguments.no_browser:
            import webbrowser

            webbrowser.open(address)

    try:
        serve(Bench(Desk(recipe, folders=folders)), port=arguments.port, opened=opened)
    except Terminated:
        raise
    except KeyboardInterrupt:
        pass
    sys.stderr.write("\nthe desk is closed\n")
    return 0
