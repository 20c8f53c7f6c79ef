"""stwcs.updatewcs, called as its users call it."""

from __future__ import annotations

import contextlib
import io
import warnings

from astropy.io import fits


def run_updatewcs(hdus: fits.HDUList) -> None:
    """Update the WCS of an exposure in memory, without the astrometry database."""
    from stwcs.updatewcs import updatewcs

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        updatewcs(hdus, use_db=False, checkfiles=False)
