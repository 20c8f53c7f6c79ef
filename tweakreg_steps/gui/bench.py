"""The desk with what is done at it: plan, run, stop, decide, apply and restore; without a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError, RecipeError, TweakRegError
from tweakreg_steps.gui.commands import Command
from tweakreg_steps.gui.desk import Desk
from tweakreg_steps.gui.fields import value_text
from tweakreg_steps.gui.outcomes import Outcome, Reviewed, decide, read_decisions, read_outcomes
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.running.final_table import SOME_NOT_ALIGNED

_WORDS = {
    0: "done",
    1: "a job failed",
    2: "refused",
    SOME_NOT_ALIGNED: "done; some images are not aligned, or wait for a decision",
    4: "another run holds the folder",
    130: "stopped; run again to go on from here",
    143: "terminated; run again to go on from here",
}

_TOLD = (1, 2, 4)
"""After which the last words of the command are the news."""
_LAST = 3


class Bench:
    """A recipe, its commands and its results.

    Every method returns at once but `look` and `decide`, which read the recipe's files.

    Parameters
    ----------
    desk
        The recipe.
    ended
        Where the desk is an editor and no more: what to call at its end, with whether to keep what
        was edited.
    sections
        The sections that can be edited in the form; all where there is none.

    Attributes
    ----------
    desk
        The recipe.
    command
        The command that runs, or ran last; None before the first.
    planned
        The jobs that would run, each a mapping of rule, image and reasons; None where that is not
        known.
    reviewed
        What is decided about the images; None where that is not known.
    message
        The last thing that there was to say.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        ended: Callable[[bool], None] | None = None,
        sections: Sequence[str] = (),
    ) -> None:
        self.desk = desk
        self.ended = ended
        self.sections = tuple(sections) or tuple(desk.sections)
        self.command: Command | None = None
        self.planned: list[Mapping[str, Any]] | None = None
        self.reviewed: Reviewed | None = None
        self.message = ""
        self._ended = True
        self._stamp = _stamp(desk.path)
        self._outcomes: tuple[object, list[Outcome]] = (None, [])

    @property
    def is_busy(self) -> bool:
        """Whether a command is running."""
        return self.command is not None and self.command.is_running

    @property
    def outdir(self) -> Path | None:
        """The folder of the results; None where the recipe is not valid."""
        return self.desk.recipe.outdir if self.desk.recipe else None

    @property
    def is_interactive(self) -> bool:
        """Whether the recipe waits for decisions."""
        return bool(self.desk.recipe and self.desk.recipe.values["interactive"])

    def start(self, name: str, *images: str) -> None:
        """Save the recipe and start a command on it: validate, plan, run, apply, restore, suggest.

        Raises
        ------
        RecipeError
            The recipe is not valid, was changed elsewhere, or a command is running.
        """
        if self.is_busy:
            raise RecipeError("a command is running; wait until it ends, or stop it")
        if not self.desk.is_saved or not self.desk.path.exists():
            self.desk.save()
        elif self.desk.problems:
            raise RecipeError("\n".join(problem.text for problem in self.desk.problems))
        self.desk.folders.require(self.desk.recipe)
        path = self.desk.path.absolute()
        options = ["--json"] if name == "plan" else []
        self.planned = None
        self._ended = False
        self.message = ""
        self.command = Command(name, [str(path), *options, *images], path.parent)

    def stop(self) -> None:
        """Interrupt what is running."""
        if self.command:
            self.command.stop()

    def settle(self) -> bool:
        """Take in what a command left that has ended; tell whether there was one."""
        if self._ended or self.command is None or self.command.is_running:
            return False
        self._ended = True
        status = self.command.status
        self.message = f"{self.command.name}: {_WORDS.get(status or 0, f'exit status {status}')}"
        if status in _TOLD:
            self.message += f": {' '.join([*self.command.lines][-_LAST:])}"
        if self.command.name == "plan" and status == 0:
            self.planned = json.loads("\n".join(self.command.output))
        return True

    def watch(self) -> None:
        """Take in what another program writes into the recipe, if all is saved here."""
        desk = self.desk
        stamp = _stamp(desk.path)
        if self.ended or stamp == self._stamp:
            return
        self._stamp = stamp
        if not desk.changed_outside():
            return
        if desk.is_saved and stamp:
            desk.reload()
            self.message = f"{desk.path.name} was changed by another program, and read again"
        else:
            self.message = f"{desk.path.name} was changed by another program: reload takes that"

    def outcomes(self) -> list[Outcome]:
        """Return how each image of the last run went, read again only if that has changed.

        What cannot be read is said in `message`.
        """
        if self.outdir is None:
            return []
        stamp = _stamp(self.outdir / SUMMARY)
        if stamp != self._outcomes[0]:
            try:
                found = read_outcomes(self.outdir) if stamp else []
            except InputError as error:
                self.message, found = str(error), []
            self._outcomes = (stamp, found)
        return self._outcomes[1]

    def look(self) -> None:
        """Learn what is decided about the images; where that cannot be known, nothing is."""
        self.reviewed = None
        if self.desk.recipe and self.desk.is_saved and self.outcomes():
            try:
                self.reviewed = read_decisions(self.desk.recipe)
            except TweakRegError as error:
                self.message = str(error)

    def decide(self, decisions: Mapping[str, Decision]) -> None:
        """Accept or reject the fits of images.

        Raises
        ------
        TweakRegError
            As `tweakreg_steps.gui.outcomes.decide`, or if the recipe is not saved.
        """
        if self.desk.recipe is None or not self.desk.is_saved:
            raise RecipeError("the recipe on the desk is not saved; save and run it first")
        self.reviewed = decide(self.desk.recipe, self.desk.path, decisions)

    def try_cure(self, image: str) -> str:
        """Put the cure of an image into the recipe, for this image alone; say what was set."""
        found = next((o for o in self.outcomes() if o.image == image and o.changes), None)
        if found is None:
            raise RecipeError(f"{image}: there is nothing to try")
        self.desk.change_image(image, found.changes)
        said = [
            f"{s}.{key}: {value_text(v)}"
            for s, own in found.changes.items()
            for key, v in own.items()
        ]
        return f"{', '.join(said)} for {image}; run to try it"

    def close(self) -> None:
        """Interrupt what is running, and wait for it."""
        if self.command and self.command.is_running:
            self.command.stop()
            self.command.wait()


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    """Return what changes with a file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino
