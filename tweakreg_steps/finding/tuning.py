"""The tuning constants of source finding: what no user sets, with unit and where it was measured.

Constants that a paper or another program fixes (the three clippings at 3 sigma and the bins of
0.01 sigma of ``imstatistics``, the sharing of a Gaussian's sigma and its FWHM) stand beside their
formula, not here.
"""

from __future__ import annotations

# --- objects (daofind_objects.py, daofind.py) ----------------------------------------------------

SADDLE = 0.5
"""Part of the lower of two maxima: two maxima are one object over a saddle at least as high.

Measured on the scenes of tests/test_daofind_parity.py: with it the numbers of sources agree with
drizzlepac's within 10 %, and a cosmic ray's track is one source (tests/test_daofind.py).
"""

LARGE = 50
"""Pixels; an object as long or as high is no star and no track, but all of a bright area.

The tracks of cosmic rays that tests/skies.py paints, and those of the ACS/HRC exposure of the
parity test, are shorter.
"""

ROUND = 0.3
"""Largest absolute second roundness of what is measured in a box of its own, as no track is.

Measured on the scenes of tests/test_daofind_parity.py: stars are rounder, pieces of tracks are not.
"""

SAME = 0.5
"""Pixels; sources whose centres are as near in x and in y are one.

Below what the narrowest kernel resolves (a FWHM of 2 pixels); boxes that overlap on one blend give
centres that agree within it (ACS/HRC exposure of tests/test_daofind_parity.py).
"""

# --- heights (daofind_kernel.py) -----------------------------------------------------------------

LEAST_DATA = 0.5
"""Part of the kernel's pixels that must hold data for a height.

With less the fit is led by the rest of the kernel's edge: a star with a dead core then makes a ring
of sources (tests/test_daofind.py).
"""

LEVEL_STEP = 16
"""Pixels in x and y between those that tell the level of an image; 33,000 of a 4096 x 2051 chip.

The level is only taken off for the sake of single precision (tests/test_daofind_objects.py, a
pedestal of 1e7), so that its error does not matter.
"""

# --- noise of the sky (sky_noise.py) -------------------------------------------------------------

MODE_SCATTER = 2.45
"""Standard deviations, times the fourth root of the number of pixels: scatter of the mode.

Measured on pure noise for 2.6e5 to 8.4e6 pixels.
"""

SIGNIFICANT = 3.5
"""Scatters of the mode below which it is taken for none: fewer than 1 in 1,000 by chance."""

LARGEST_SHARE = 1.0e6
"""Sum of squares of all pixels over that of the clipped ones up to which these are differences.

Ten of the sixteen digits of double precision are left then. Cosmic rays on a sky of 50 electrons
make it 1e3 to 1e5 (tests/skies.py).
"""

FAR = 3.0
"""TweakReg's noise over the clipped standard deviation, or the inverse, that is said to the user.

It is 0.44 to 1.44 on skies of 1 to 4e4 electrons with a read noise of 3.1
(tests/test_sky_noise.py); a pedestal or another gain goes beyond, and the stars of the ACS/HRC
exposure of the parity test make it 0.04.
"""

# --- narrowness (narrowness.py) ------------------------------------------------------------------

LEAST_SPREAD = 0.05
"""Spread of the sharpest stars: a Gaussian of one pixel at half maximum has 0.06 at its centre."""

REACH = 2
"""Pixels around a source's centre among which its brightest one is: the smallest kernel's box."""

SKY_REACH = 4
"""Pixels from the brightest one to the square frame that tells the local sky.

Outside the first ring of a WFC3/UVIS star and inside the distance of its neighbours in the scenes
of benchmarks/cosmic_rays.py.
"""

# --- SExtractor (sextractor.py) ------------------------------------------------------------------

BAD_RMS = 1.0e16
"""Image units; what marks a bad pixel in a map of rms: its variance is beyond the program's limit
of 1e30."""

# --- sizes of pieces, for speed and memory alone -------------------------------------------------

STRIP = 1 << 16
"""Pixels of a strip that is convolved at a time: they stay in the processor's cache.

Measured on 4096 x 2051 pixels: a whole chip at a time takes twice as long.
"""

CHUNK = 1 << 16
"""Pixels of which the sky's statistics are added up at a time, for the same reason."""

PIECE = 1 << 14
"""Sources measured at a time: some 11 MB of stamps with the usual kernel."""

WINDOW_PIXELS = 1 << 20
"""Pixels of objects' windows that are looked at together: some 40 MB."""
