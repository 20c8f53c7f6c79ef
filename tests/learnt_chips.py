"""What is learnt of the chips of an exposure that no file holds."""

from __future__ import annotations

from tweakreg_steps.fits_files.exposure_record import LearntChip


def learnt_chip(number: int, of: str = "a", **digests: str) -> LearntChip:
    """Return a chip of 10 x 20 pixels, with some digests, and the name of its unit, set."""

    def part(name: str) -> str:
        return digests.get(name, f"{of} {name} {number}")

    return {
        "number": number,
        "extension": number,
        "label": f"SCI,{number}",
        "shape": [10, 20],
        "pixels": part("pixels"),
        "dq": part("dq"),
        "err": part("err"),
        "unit": {"name": part("unit"), "counts": None, "is_rate": False},
        "wcs": part("wcs"),
        "camera": {},
        "noise": {},
        "wcsnames": [],
        "alternates": {},
    }
