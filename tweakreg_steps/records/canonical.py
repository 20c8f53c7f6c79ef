"""One spelling for each value, so that equal parameters have equal texts and equal digests."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_DIGEST_LENGTH = 16
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:  # noqa: ANN401  any JSON value
    """Return `value` as JSON with sorted keys, no blanks, and one spelling for each number.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no word for it.
    """
    return _ENCODER.encode(value)


def digest(value: Any) -> str:  # noqa: ANN401  any JSON value
    """Return a short hexadecimal digest of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:_DIGEST_LENGTH]
