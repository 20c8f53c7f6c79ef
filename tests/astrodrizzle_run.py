"""Drizzle the exposures of some folders, in an environment that has drizzlepac.

usage: python tests/astrodrizzle_run.py FRAME FOLDER...

FRAME is the output frame as JSON: ra, dec [deg] of its centre, scale [arcsec], nx, ny, rot [deg].
Each folder gets a ``drizzled_sci.fits`` from its ``*_flc.fits``.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from drizzlepac.astrodrizzle import AstroDrizzle


def drizzle(folder: Path, frame: dict[str, float]) -> None:
    """Drizzle all exposures of one folder onto a frame, headers as they are."""
    with contextlib.chdir(folder):
        AstroDrizzle(
            sorted(path.name for path in Path().glob("*_flc.fits")),
            output="drizzled.fits",
            build=False,
            runfile="astrodrizzle.log",
            updatewcs=False,
            resetbits=0,
            static=False,
            skysub=False,
            driz_separate=False,
            median=False,
            blot=False,
            driz_cr=False,
            driz_combine=True,
            final_wcs=True,
            final_kernel="square",
            final_pixfrac=0.8,
            final_bits="65535",
            final_ra=frame["ra"],
            final_dec=frame["dec"],
            final_scale=frame["scale"],
            final_rot=frame["rot"],
            final_outnx=int(frame["nx"]),
            final_outny=int(frame["ny"]),
            num_cores=1,
        )


def main() -> None:
    """Drizzle what the command line names."""
    frame, *folders = sys.argv[1:]
    for folder in folders:
        drizzle(Path(folder), json.loads(frame))


if __name__ == "__main__":
    main()
