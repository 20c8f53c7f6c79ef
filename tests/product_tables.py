"""Tables that a run wrote, as astropy has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tweakreg_steps.tables.table_file import read_meta


def read_product(path: Path) -> Any:  # noqa: ANN401  astropy's Table is untyped
    """Return a table of a run, with the metadata that stand beside it in the file."""
    from astropy.table import Table

    table = Table.read(path, mask_invalid=False)
    table.meta = read_meta(path)
    return table
