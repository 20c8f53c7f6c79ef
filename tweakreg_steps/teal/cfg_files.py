"""TEAL's .cfg files: which there are, and what they set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.teal.cfg_comments import Comment, comments_of
from tweakreg_steps.teal.naming import FINDING, FINDING_SECTIONS, REFERENCE_FINDING, names_of
from tweakreg_steps.teal.settings import INPUT, Settings, read_section, read_settings
from tweakreg_steps.text_file import read_small_file

TASK = "tweakreg"
_BYTES = 1 << 20
"""The largest .cfg file; TweakReg's own has 5 kB."""
_TASK_KEY = "_task_name_"


@dataclass(frozen=True)
class CfgFile:
    """A .cfg file.

    Attributes
    ----------
    path
        The file.
    task
        Whose settings it holds: TweakReg's, or one of the two finding tasks'.
    tree
        Its content: texts by name, and by heading where it has sections.
    comments
        Its comments, in their order.
    """

    path: Path
    task: str
    tree: dict[str, Any]
    comments: tuple[Comment, ...]


def read_cfg(path: Path) -> CfgFile:
    """Read one .cfg file.

    Raises
    ------
    RecipeError
        If it cannot be read, is not of that form, or holds the settings of another task.
    """
    from configobj import ConfigObj, ConfigObjError

    try:
        lines = read_small_file(path, limit=_BYTES).decode("utf-8-sig").splitlines()
        cfg = ConfigObj(lines, interpolation=False, raise_errors=True)
    except ConfigObjError as error:
        raise RecipeError(f"{path}: is not a TEAL configuration: {error}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(
            f"{path}: cannot be read ({reason}); name an existing .cfg file"
        ) from error
    tree: dict[str, Any] = cfg.dict()
    if isinstance(tree.get(INPUT[0]), list):
        # a comma inside brackets belongs to the file name
        tree[INPUT[0]] = ",".join(tree[INPUT[0]])
    task = _task_of(path, tree)
    return CfgFile(path, task, tree, comments_of(cfg, task))


def _task_of(path: Path, tree: dict[str, Any]) -> str:
    """Return whose settings a file holds: as it says, else by its content and name."""
    task = str(tree.get(_TASK_KEY, "")).strip().lower()
    if task in (TASK, *FINDING_SECTIONS):
        return task
    if task:
        raise RecipeError(f"{path}: holds the settings of {task}; name a .cfg file of {TASK}")
    if tree and all(name in names_of(FINDING) for name in tree):
        return REFERENCE_FINDING if path.stem == REFERENCE_FINDING else FINDING
    return TASK


def gather_cfgs(paths: Sequence[Path]) -> list[CfgFile]:
    """Read .cfg files, and those of the finding tasks that stand beside TweakReg's.

    Returns
    -------
    list of CfgFile
        One a task at most, TweakReg's first.

    Raises
    ------
    RecipeError
        If one cannot be read, or two are of the same task.
    """
    files: dict[str, CfgFile] = {}
    for path in paths:
        cfg = read_cfg(path)
        first = files.setdefault(cfg.task, cfg)
        if first is not cfg:
            raise RecipeError(f"{path}: is of {cfg.task} as {first.path} is; name one of the two")
    if TASK in files:
        for task in FINDING_SECTIONS:
            beside = files[TASK].path.with_name(f"{task}.cfg")
            if task not in files and beside.is_file():
                files[task] = read_cfg(beside)
    return [files[task] for task in (TASK, *FINDING_SECTIONS) if task in files]


def cfg_settings(files: Sequence[CfgFile]) -> Settings:
    """Return what .cfg files set, the later ones over the earlier ones."""
    settings = Settings()
    for file in files:
        if file.task == TASK:
            settings.update(read_settings(file.tree))
        else:
            settings.update(read_section(file.task, file.tree))
    return settings


def default_cfg(folder: Path) -> Path:
    """Return the .cfg file that TweakReg calls ``defaults``: in `folder`, else in ``~/.teal``.

    Raises
    ------
    RecipeError
        If there is none.
    """
    places = (folder, Path.home() / ".teal")
    for place in places:
        if (place / f"{TASK}.cfg").is_file():
            return place / f"{TASK}.cfg"
    raise RecipeError(
        f"configobj='defaults': there is no {TASK}.cfg in {' or '.join(map(str, places))}; "
        "leave configobj out to have the defaults of `tweakreg params`"
    )
