"""Snakemake without its database: the same records in its files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LEAN = "from tweakreg_steps.running.lean_snakemake import import_snakemake; import_snakemake()"
PLAIN = "import snakemake.api"
SHOW = """
import json, sys
from snakemake.persistence import MetadataRecord
record = MetadataRecord()
record.rule, record.input = "find_sources", ["a.fits"]
again = MetadataRecord.model_validate(dict(record.items()))
empty = [MetadataRecord().input_checksums for _ in range(2)]
print(json.dumps([dict(again.items()), record["rule"], empty[0] is empty[1]], sort_keys=True))
print(json.dumps([name for name in ("sqlmodel", "sqlalchemy", "pydantic") if name in sys.modules]))
"""


def said(first: str) -> list[object]:
    """Return what a fresh interpreter prints after a first statement."""
    command = [sys.executable, "-P", "-W", "ignore", "-c", f"{first}\n{SHOW}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_records_are_those_of_snakemake_as_it_is() -> None:
    assert said(LEAN)[0] == said(PLAIN)[0]


def test_the_database_is_not_imported_and_can_be_afterwards() -> None:
    assert said(LEAN)[1] == []
    assert said(f"{LEAN}\nimport sqlmodel; assert sqlmodel.SQLModel.metadata is not None")


def test_another_snakemake_is_imported_as_it_is() -> None:
    needs_more = (
        "from tweakreg_steps.running import lean_snakemake\n"
        "del lean_snakemake.Record.__init__, lean_snakemake.Record.model_dump\n"
        "lean_snakemake.field = None\n"
        "assert lean_snakemake.import_snakemake().SnakemakeApi"
    )
    assert said(needs_more)[0] == said(PLAIN)[0]


def test_a_run_with_nothing_to_do_does_not_start_snakemake(tiny_run: Path) -> None:
    program = (
        "import sys; from tweakreg_steps.cli import main\n"
        f"assert main(['run', {str(tiny_run / 'recipe.yaml')!r}]) == 0\n"
        "assert 'snakemake' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True
    )
    assert "nothing to do" in done.stderr
