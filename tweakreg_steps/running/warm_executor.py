"""A Snakemake executor that has the warm process run the steps, with no shell in between.

A shell and the command in it cost each job some 40 ms of CPU, more than many steps do.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from snakemake.exceptions import SpawnedJobError
from snakemake.executors import local
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from tweakreg_steps.running.step_client import SOCKET_VARIABLE, ask_server

NAME = "tweakreg"
common_settings = local.common_settings
"""What Snakemake asks of an executor: it runs jobs on this machine."""


class Executor(local.Executor):  # type: ignore[misc]  # Snakemake has no types
    """Runs a rule's step in the warm process; what else there is to run, as Snakemake does."""

    def run_single_job(self, job: Any) -> Future[None]:  # noqa: ANN401  a job of Snakemake
        """Start a job, and return what tells of its end."""
        address = os.environ.get(SOCKET_VARIABLE)
        words = getattr(job.params, "job", None)
        if not (address and words and job.log):
            return super().run_single_job(job)  # type: ignore[no-any-return]
        cold = self.job_args_and_prepare(job)
        return self.pool.submit(_run_step, address, list(words), Path(job.log[0]), cold)  # type: ignore[no-any-return]


def _run_step(address: str, words: list[str], log: Path, cold: tuple[Any, ...]) -> None:
    """Run one step; as Snakemake would, where there is no warm process any more.

    Raises
    ------
    SpawnedJobError
        The step failed; its log says why.
    """
    with log.open("wb") as stream:
        streams = (stream.fileno(), stream.fileno())
        answer = ask_server(address, str(Path.cwd()), words, streams=streams)
        if answer:
            stream.write(answer[1].encode())
    if answer is None:
        local.run_wrapper(*cold)
    elif answer[0]:
        raise SpawnedJobError


def register() -> None:
    """Make the executor known to Snakemake, under the name `NAME`."""
    plugin = f"snakemake_executor_plugin_{NAME}"
    ExecutorPluginRegistry().register_plugin(plugin, sys.modules[__name__])
