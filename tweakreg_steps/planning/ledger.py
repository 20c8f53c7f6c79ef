"""The ledger: for each job that ran, its record and what its products were like.

So a later run knows what need not be made again, whatever the times of the files say.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import write_text_atomically


def write_entry(path: Path, record: Mapping[str, Any], products: Sequence[Path]) -> None:
    """Record that a job made its products, now that they are there.

    Parameters
    ----------
    path
        The job's entry: `tweakreg_steps.planning.layout.ledger_of`.
    record
        Everything that the products depend on.
    products
        The files, relative to the output folder, which is the working directory.
    """
    entry = {
        "record": record,
        "products": {os.path.normpath(product): describe(product) for product in products},
    }
    write_text_atomically(path, json.dumps(entry, indent=1, sort_keys=True) + "\n")


def read_entry(path: Path) -> dict[str, Any] | None:
    """Return a job's entry, or None where there is none that can be read."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) and {"record", "products"} <= set(entry) else None


def describe(product: Path) -> dict[str, Any]:
    """Return what tells whether a product is still as it was made."""
    status = product.stat()
    with product.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": content}
