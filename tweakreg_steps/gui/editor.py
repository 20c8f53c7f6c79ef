"""The form as an editor: opened by a Python call, it gives back what was edited."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.desk import Desk
from tweakreg_steps.gui.folders import Folders
from tweakreg_steps.recipes.recipe import Recipe, complete, load_recipe
from tweakreg_steps.recipes.recipe_text import minimal_text
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.yaml_source import parse_yaml

if TYPE_CHECKING:
    from tornado.ioloop import IOLoop

CHOICE = "TWEAKREG_EDITOR"
"""The environment variable that asks for the text editor, by the word ``text``."""
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_LAST_WORD = 1.0  # s, in which the page learns that it can be closed
_MOMENT = 0.2  # s


def has_browser() -> bool:
    """Tell whether the form can be opened here: Panel is installed, and a browser has a display."""
    is_wanted = os.environ.get(CHOICE, "") != "text"
    has_display = sys.platform == "darwin" or any(map(os.environ.get, _DISPLAYS))
    if not (is_wanted and has_display and find_spec("panel")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def edit_tree_in_browser(tree: Tree, name: Path) -> Tree:
    """Edit a recipe that is in no file, as `tweakreg_steps.editing.recipe_editing.edit_tree` does.

    Raises
    ------
    RecipeError
        If the change was dropped.
    """
    text = minimal_text(tree, about="The recipe that is run when the form is done.")
    folders = Folders.of_folders(name, complete(tree, source=None, file=name), ())
    desk = Desk(name, folders=folders, text=text)
    edit_in_browser(desk)
    return dict(parse_yaml(desk.text, name=str(name)).value)


def edit_sections_in_browser(path: Path, sections: Sequence[str]) -> Recipe | None:
    """Edit some sections of a recipe file, which is made if it is not there.

    Returns
    -------
    Recipe or None
        What the recipe is now; None where nothing was changed.

    Raises
    ------
    RecipeError
        If the recipe cannot be read, or the change was dropped.
    """
    desk = Desk(path)
    before = desk.text
    edit_in_browser(desk, sections)
    if desk.text == before:
        return None
    desk.save()
    return load_recipe(path)


def edit_in_browser(desk: Desk, sections: Sequence[str] = ()) -> None:
    """Open the form in the browser, and wait until its user says that it is done.

    Works in a notebook and from any thread: the server has a thread of its own.

    Raises
    ------
    RecipeError
        If the change was dropped.
    """
    from tweakreg_steps.gui.server import address_of, make_server

    ending = _Ending(desk)
    bench = Bench(desk, ended=ending.answer, sections=sections)

    def serve() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        try:
            server = make_server(bench, port=0)
            server.start()
            ending.loop = server.io_loop
            address = address_of(server)
            sys.stderr.write(f"edit the recipe in the browser: {address}\n")
            webbrowser.open(address)
            server.io_loop.start()
            server.stop()
        except Exception as error:  # noqa: BLE001  the caller raises it
            ending.failure = error
        finally:
            ending.event.set()

    threading.Thread(target=serve, daemon=True).start()
    try:
        while not ending.event.wait(_MOMENT):
            pass
    except KeyboardInterrupt:
        ending.stop(0.0)
        raise
    if ending.failure:
        raise ending.failure
    if not ending.is_kept:
        raise RecipeError("the change was dropped, all is as it was")


class _Ending:
    """How an editor ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.event = threading.Event()
        self.loop: IOLoop | None = None
        self.failure: Exception | None = None
        self.is_kept = False

    def answer(self, keep: bool) -> None:
        """Take the answer of the user, unless the text is wrong."""
        if keep and self._desk.problems:
            raise RecipeError("\n".join(problem.text for problem in self._desk.problems))
        self.is_kept = keep
        self.stop(_LAST_WORD)

    def stop(self, delay: float) -> None:
        """End the server, from any thread."""
        if self.loop:
            loop = self.loop
            loop.add_callback(lambda: loop.call_later(delay, loop.stop))
