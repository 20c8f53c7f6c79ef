"""Making WCS and distortion model of an HST exposure anew with stwcs.updatewcs, on a copy."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.atomic import atomic_path, temporary_folder
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, find_chips
from tweakreg_steps.fits_files.fits_blocks import open_stream, scan_hdus

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

log = logging.getLogger(__name__)

# stwcs raises many kinds; all mean that an exposure is not what it expects
_STWCS_ERRORS = (OSError, LookupError, ValueError, TypeError, AttributeError, AssertionError)


def write_updated_copy(
    source: Path, destination: Path, *, chips: Sequence[Chip], history: Sequence[str]
) -> None:
    """Copy an exposure and run ``stwcs.updatewcs.updatewcs`` on the copy.

    Reference files are found as stwcs finds them; a relative name is relative to the exposure.
    The astrometry database is not asked: a run reads nothing but its files. Pixels stay as they
    are, bit for bit. What stwcs says goes to the log.

    Parameters
    ----------
    source, destination : Path
        The exposure and the copy, which is plain where the exposure is gzipped.
    chips : sequence of Chip
        Of the exposure; they stand at the same places in the copy.
    history : sequence of str
        Lines for the HISTORY of the primary header, behind what stwcs writes there.

    Raises
    ------
    InputError
        stwcs cannot update this exposure.
    JobFailedError
        The copy cannot be written.
    """
    # stwcs may put another file beside the copy, as for WFPC2, and cuts paths at ".fits"
    with atomic_path(destination) as temporary, temporary_folder(destination) as folder:
        work = folder / destination.name
        with open_stream(source) as stream, work.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        _update(work.absolute(), source, history)
        _require_chips(work, chips, source)
        work.rename(temporary)


def _update(work: Path, source: Path, history: Sequence[str]) -> None:
    """Run stwcs on the copy where the exposure is, with its words in the log."""
    with (
        contextlib.redirect_stdout(sys.stderr),
        warnings.catch_warnings(record=True) as said,
        contextlib.chdir(source.parent),
    ):
        warnings.simplefilter("always")
        try:
            _run_stwcs(work, history)
        except _STWCS_ERRORS as error:
            raise InputError(
                f"{source}: stwcs.updatewcs fails on it ({type(error).__name__}: {error}); "
                "correct the header or the reference file that it names, or set updatewcs: false"
            ) from error
    for text in dict.fromkeys(str(warning.message) for warning in said):
        log.info("%s: %s", source.name, text)


def _run_stwcs(work: Path, history: Sequence[str]) -> None:
    """Update the WCS of a file in place, and add to its HISTORY."""
    from astropy.io import fits
    from stwcs.updatewcs import updatewcs

    hdus = fits.open(work, mode="update", memmap=False, do_not_scale_image_data=True)
    try:
        updatewcs(hdus, checkfiles=False, use_db=False)
        _forget_folder(hdus, work.parent)
        for line in history:
            hdus[0].header.add_history(line)
    finally:
        hdus.close(output_verify="silentfix+ignore")


def _forget_folder(hdus: HDUList, folder: Path) -> None:
    """Name a file that stwcs made for WFPC2 without the folder it was made in."""
    for hdu, key in ((hdus[0], "D2IMFILE"), (hdus[1], "D2IMEXT")):
        name = str(hdu.header.get(key, ""))
        if name.startswith(str(folder)):
            hdu.header[key] = Path(name).name


def _require_chips(copy: Path, chips: Sequence[Chip], source: Path) -> None:
    """Refuse a copy whose chips are not where those of the exposure are."""
    found = {chip.extension: chip for chip in find_chips(copy, None, scan_hdus(copy))}
    for chip in chips:
        if found.get(chip.extension, chip).shape != chip.shape or chip.extension not in found:
            raise InputError(
                f"{source}: stwcs.updatewcs moved the image {chip.label} to another place in the "
                "file; put its lookup tables behind the images, or set updatewcs: false"
            )
