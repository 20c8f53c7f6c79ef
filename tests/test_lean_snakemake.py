"""A run on this machine imports of Snakemake what it uses, and Snakemake works as ever."""

import json
import subprocess
import sys
from collections.abc import Sequence

_PREAMBLE = """
import json, sys
from tweakreg_steps.running import lean_snakemake
"""

_LEAN = """
with lean_snakemake.lean_snakemake():
    from snakemake.persistence import MetadataRecord
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
    during = list(ExecutorPluginRegistry().plugins)
record = MetadataRecord.model_validate({"rule": "find", "params": ["a"], "unknown": 1})
record.endtime = 2.0
imported = [*sys.modules]
import pulp, smart_open.http
print(json.dumps({
    "imported": imported,
    "during": during,
    "after": list(ExecutorPluginRegistry().plugins),
    "record": dict(record.items()),
    "fresh": MetadataRecord().input_checksums,
}))
"""

_WHOLE = """
import sqlmodel
with lean_snakemake.lean_snakemake():
    from snakemake.persistence import MetadataRecord
record = MetadataRecord.model_validate({"rule": "find", "params": ["a"], "unknown": 1})
record.endtime = 2.0
print(json.dumps(dict(record.items())))
"""

_STUMBLING = """
lean_snakemake._HIDDEN = ("snakemake.jobs",)
with lean_snakemake.lean_snakemake():
    from snakemake.persistence.db import DbPersistence
    from snakemake.api import SnakemakeApi
print(json.dumps([DbPersistence.__name__, SnakemakeApi.__name__]))
"""


def answer(code: str) -> object:
    command: Sequence[str] = (sys.executable, "-c", _PREAMBLE + code)
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_is_not_used_is_not_imported_and_records_are_as_ever() -> None:
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
    assert found["record"] == answer(_WHOLE)
    assert found["fresh"] == {}


def test_a_snakemake_that_cannot_do_without_is_imported_whole() -> None:
    assert answer(_STUMBLING) == ["DbPersistence", "SnakemakeApi"]
