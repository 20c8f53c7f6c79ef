"""A run on this machine imports of Snakemake what it uses, and Snakemake works as ever."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

import pytest

_PREAMBLE = """
import json, sys
from tweakreg_steps.running import lean_snakemake
"""

_LEAN = """
with lean_snakemake.lean_snakemake():
    from snakemake.api import SnakemakeApi
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
    during = list(ExecutorPluginRegistry().plugins)
imported = [*sys.modules]
import pulp, smart_open.http
print(json.dumps({
    "imported": imported,
    "during": during,
    "after": list(ExecutorPluginRegistry().plugins),
}))
"""

_RECORD = """
with lean_snakemake.lean_snakemake():
    from snakemake.persistence import MetadataRecord
record = MetadataRecord.model_validate({"rule": "find", "params": ["a"], "unknown": 1})
record.endtime = 2.0
print(json.dumps([dict(record.items()), MetadataRecord().input_checksums]))
"""

_STUMBLING = """
lean_snakemake._HIDDEN = ("snakemake.jobs",)
with lean_snakemake.lean_snakemake():
    from snakemake.jobs import Job
    from snakemake.api import SnakemakeApi
    import pulp
print(json.dumps([Job.__name__, SnakemakeApi.__name__]))
"""


def answer(code: str) -> object:
    command: Sequence[str] = (sys.executable, "-c", _PREAMBLE + code)
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
def test_what_is_not_used_is_not_imported() -> None:
    found = answer(_LEAN)
    assert isinstance(found, dict)
    unused = {
        "pandas",
        "tornado",
        "wcwidth",
        "sqlalchemy",
        "sqlmodel",
        "pulp",
        "requests",
        "smart_open.http",
    }
    assert not unused & set(found["imported"])
    assert {"local", "dryrun", "touch"} == set(found["during"]) < set(found["after"])


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("snakemake.persistence").submodule_search_locations is None,  # type: ignore[union-attr]
    reason="this Snakemake has no database that could be left out",
)
def test_records_are_as_ever_without_the_database() -> None:
    found = answer(_RECORD)
    assert isinstance(found, list)
    assert found == answer(f"import sqlmodel\n{_RECORD}")
    assert found[1] == {}


@pytest.mark.slow
def test_a_snakemake_that_cannot_do_without_is_imported_whole() -> None:
    assert answer(_STUMBLING) == ["Job", "SnakemakeApi"]
