"""One run at a time in an output folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_steps.errors import LockedError
from tweakreg_steps.running.locking import hold_outdir


def test_a_second_run_is_sent_away_and_a_later_one_is_not(tmp_path: Path) -> None:
    with (
        hold_outdir(tmp_path),
        pytest.raises(LockedError, match=r"another run \(process \d+\) holds this folder"),
        hold_outdir(tmp_path),
    ):
        pass
    with hold_outdir(tmp_path):
        pass


def test_the_exit_status_is_the_contract() -> None:
    assert LockedError.exit_status == 4
