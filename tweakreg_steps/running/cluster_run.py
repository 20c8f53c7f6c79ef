"""A run where a profile says: on a cluster, or whatever else Snakemake can use."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.records.outdir_files import RUN_CONFIG
from tweakreg_steps.resources import workflow_folder
from tweakreg_steps.running.snakemake_log import NAME

LOCAL = (None, "local")
"""What Snakemake calls running on this machine."""


def profile_folder(profile: Path | None) -> Path | None:
    """Return the folder of a profile: one that is there, or one of those that come along.

    Raises
    ------
    RecipeError
        There is none.
    """
    if profile is None or any(profile.glob("config*.y*ml")):
        return profile
    shipped = workflow_folder() / "profiles"
    if (shipped / profile).parent == shipped and (shipped / profile).is_dir():
        return shipped / profile
    names = ", ".join(sorted(path.name for path in shipped.iterdir()))
    raise RecipeError(
        f"--profile {profile}: holds no Snakemake profile; name a folder with a config.yaml, or "
        f"one of {names}"
    )


def run_with_profile(
    outdir: Path, rules: Sequence[str], *, jobs: int, profile: Path, sources: Path
) -> bool:
    """Run where a profile says: through Snakemake's command line, which alone reads profiles.

    The recipe is not handed on: the jobs read the frozen plan, and nothing that grows with the
    number of images.

    Parameters
    ----------
    outdir
        The output folder.
    rules
        The rules that may run.
    jobs
        How many jobs may be in the cluster at once; on this machine, how many run at once.
    profile
        The folder of the profile.
    sources
        Where Snakemake's copies of the rules go.

    Returns
    -------
    bool
        Whether all jobs succeeded.

    Raises
    ------
    RecipeError
        Snakemake does not take what the profile says.
    """
    from snakemake import cli

    arguments: dict[str, list[object]] = {
        "--snakefile": [workflow_folder() / "Snakefile"],
        "--configfile": [outdir / RUN_CONFIG],
        "--directory": [outdir],
        "--profile": [profile.resolve()],
        "--jobs": [jobs],
        "--runtime-source-cache-path": [sources],
        "--scheduler": ["greedy"],
        "--logger": [NAME],
        "--nolock": [],
        "--drop-metadata": [],
        "--rerun-incomplete": [],
        "--keep-going": [],
        "--keep-incomplete": [],
        "--forceall": [],
        "--allowed-rules": [*rules],
    }
    words = [str(word) for option, values in arguments.items() for word in (option, *values)]
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parser, parsed = cli.parse_args(words)
    except SystemExit as error:
        reason = said.getvalue().rpartition("error: ")[2].strip()
        raise _not_taken(profile, reason) from error
    except ValueError as error:
        raise _not_taken(profile, str(error)) from error
    if parsed.executor in LOCAL:
        parsed.cores = jobs
    elif parsed.cores is None:
        parsed.cores = 1  # a group takes one processor, and its jobs come one after the other
    try:
        return bool(cli.args_to_api(parsed, parser))
    except ValueError as error:  # of a setting: those of jobs are Snakemake's to tell
        raise _not_taken(profile, str(error)) from error


def _not_taken(profile: Path, reason: str) -> RecipeError:
    """Return the error that Snakemake does not take what a profile says."""
    return RecipeError(f"--profile {profile}: {reason}; correct the config file of the profile")
