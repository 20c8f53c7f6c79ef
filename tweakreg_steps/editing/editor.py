"""A text in the user's editor, until it is right or given up."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tweakreg_steps.errors import RecipeError, TweakRegError
from tweakreg_steps.printable import printable_message
from tweakreg_steps.text_file import read_small_file

_SCISSORS = "# ---- what stands below this line is help, and is not kept ----"

_BYTES = 4 << 20
"""The largest text."""

_FALLBACKS = ("nano", "vi")
"""The editors that are opened where the user names none."""

_ASK = "Enter edits again, d drops the change: "


def edit_text(text: str, *, name: str, check: Callable[[str], None], help_text: str) -> str:
    """Let the user edit a text until it passes a check.

    Parameters
    ----------
    text
        What to begin with.
    name
        File name under which the editor sees it, which tells an editor the language.
    check
        Raises a `TweakRegError` that lists what is wrong with a text.
    help_text
        Comments that the editor shows below the text; they are no part of the answer.

    Returns
    -------
    str
        The new text, which has passed, or the text as it was.

    Raises
    ------
    RecipeError
        If there is no editor, or it ends with an error, or the change was dropped.
    """
    command = _editor()
    with tempfile.TemporaryDirectory(prefix="tweakreg_edit_") as folder:
        path = Path(folder) / name
        path.write_text(text + _below(help_text), encoding="utf-8")
        while True:
            _open(command, path)
            try:
                edited = _kept(path)
                if edited == text:
                    return text
                check(edited)
            except TweakRegError as error:
                sys.stderr.write(f"{printable_message(str(error))}\n")
                if not _again():
                    raise RecipeError("the change was dropped, all is as it was") from error
            else:
                return edited


def _kept(path: Path) -> str:
    """Return what the user has written, which stands above the help.

    Raises
    ------
    RecipeError
        Something other than comments stands below it, or the file cannot be read.
    """
    try:
        content = read_small_file(path, limit=_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"byte {error.start} is not UTF-8; save the text as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"the text cannot be read again ({error.strerror})") from error
    above, _, below = content.partition(_SCISSORS)
    lost = [line for line in below.splitlines() if line.strip() and not line.startswith("#")]
    if lost:
        raise RecipeError(
            f"{lost[0].strip()!r} stands below the line {_SCISSORS!r}, where nothing is kept; move "
            "it above that line"
        )
    return above


def _below(help_text: str) -> str:
    """Return the part of the file that is not kept."""
    return f"{_SCISSORS}\n{help_text}" if help_text else ""


def _editor() -> list[str]:
    """Return the command that starts the user's editor."""
    for variable in ("VISUAL", "EDITOR"):
        words = shlex.split(os.environ.get(variable, ""))
        if words:
            return words
    for name in _FALLBACKS:
        if shutil.which(name):
            return [name]
    raise RecipeError("there is no editor: set the variable EDITOR, as in: export EDITOR=nano")


def _open(command: list[str], path: Path) -> None:
    """Open a file in the editor, and wait until it ends."""
    try:
        status = subprocess.run([*command, str(path)], check=False).returncode
    except OSError as error:
        raise RecipeError(
            f"the editor {shlex.join(command)} cannot be started ({error.strerror}); "
            "set the variable EDITOR to another"
        ) from error
    if status:
        raise RecipeError(
            f"the editor {shlex.join(command)} ended with status {status}; nothing was changed"
        )


def _again() -> bool:
    """Ask whether to edit again; where nobody answers, do not."""
    sys.stderr.write(_ASK)
    sys.stderr.flush()
    try:
        return not input().strip().lower().startswith("d")
    except EOFError:
        sys.stderr.write("\n")
        return False
