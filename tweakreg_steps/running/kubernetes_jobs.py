"""Sending jobs to Kubernetes and asking how they are, as Snakemake's generic executor wants it.

The executor plugin for Kubernetes takes it that nodes share no files, and moves what the rules name
through a store; the ledger and the plan are none of that. So a job here is a pod in which the
shared volume has the path that it has where the run was started.

Usage: ``python -m tweakreg_steps.running.kubernetes_jobs``, and ``submit OPTIONS SCRIPT`` or
``status JOB``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LABEL = {"app": "tweakreg-steps"}
_DAY = 86_400
"""Seconds that Kubernetes keeps what is left of a job."""
_KUBECTL = "kubectl"


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    parsed = _parser().parse_args(words)
    answer: str = parsed.do(parsed)
    sys.stdout.write(f"{answer}\n")
    return 0


def _parser() -> ArgumentParser:
    """Return the parser of the command line."""
    parser = ArgumentParser(prog="kubernetes_jobs", description="Jobs of Snakemake as pods.")
    commands = parser.add_subparsers(required=True)
    submit = commands.add_parser("submit", help="send a job; prints its name")
    for option in ("image", "claim", "mount"):
        submit.add_argument(f"--{option}", required=True)
    for option in ("processors", "memory", "minutes"):
        submit.add_argument(f"--{option}", type=int, required=True)
    submit.add_argument("script", type=Path)
    submit.set_defaults(do=_submit)
    status = commands.add_parser("status", help="print running, success or failed")
    status.add_argument("job")
    status.set_defaults(do=_status)
    return parser


def _submit(asked: Namespace) -> str:
    """Send a job and return its name."""
    script = asked.script.read_text(encoding="utf-8")
    text = json.dumps(job_manifest(asked, script))
    return _kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.name}", given=text).strip()


def job_manifest(asked: Namespace, script: str) -> dict[str, Any]:
    """Return a job of Kubernetes that runs a script of Snakemake's.

    Parameters
    ----------
    asked
        ``image``, ``claim`` and ``mount``; ``processors``, ``memory`` [MB] and ``minutes``.
    script
        The text of the script; the pod need not see Snakemake's temporary file.
    """
    container = {
        "name": "step",
        "image": asked.image,
        "command": ["/bin/sh", "-c", script],
        "resources": {
            "requests": {"cpu": str(asked.processors), "memory": f"{asked.memory}M"},
            "limits": {"memory": f"{asked.memory}M"},
        },
        "volumeMounts": [{"name": "shared", "mountPath": asked.mount}],
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "shared", "persistentVolumeClaim": {"claimName": asked.claim}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "tweakreg-", "labels": _LABEL},
        "spec": {
            "backoffLimit": 0,  # Snakemake sends it again, with more memory
            "activeDeadlineSeconds": 60 * max(asked.minutes, 1),
            "ttlSecondsAfterFinished": _DAY,
            "template": {"metadata": {"labels": _LABEL}, "spec": pod},
        },
    }


def _status(asked: Namespace) -> str:
    """Return how a job is: running, success or failed."""
    found = json.loads(_kubectl("get", "job", asked.job, "-o", "json"))
    status = found.get("status", {})
    conditions = {c["type"] for c in status.get("conditions", ()) if c["status"] == "True"}
    if "Failed" in conditions:
        return "failed"
    return "success" if "Complete" in conditions or status.get("succeeded") else "running"


def _kubectl(*words: str, given: str = "") -> str:
    """Return what kubectl answers."""
    done = subprocess.run(
        [_KUBECTL, *words], input=given, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
