"""Run drizzlepac's TweakReg on all FITS files of a folder; for drizzlepac's own environment.

usage: python drizzlepac_run.py FOLDER THRESHOLD SEARCHRAD
"""

import sys
from pathlib import Path

from drizzlepac import tweakreg

folder, threshold, searchrad = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
tweakreg.TweakReg(
    sorted(path.name for path in folder.glob("*.fits")),
    imagefindcfg={"threshold": threshold, "conv_width": 3.5},
    searchrad=searchrad,
    updatehdr=True,
    interactive=False,
    shiftfile=True,
    outshifts="shifts.txt",
    outwcs="shifts_wcs.fits",
)
