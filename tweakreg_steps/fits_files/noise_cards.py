"""The keywords of a header that tell the noise of its pixels, where they have no ERR array."""

from __future__ import annotations

GAINS = ("ATODGN", "CCDGAIN", "GAIN")
"""Electrons a count; the first that is there tells it."""

READ_NOISES = ("READNSE", "RDNOISE", "READNOIS")
"""Electrons; the first that is there tells it."""


def of_amplifiers(name: str) -> tuple[str, ...]:
    """Return a keyword, and what it is called for each amplifier."""
    return name, *(f"{name}{amplifier}" for amplifier in "ABCD")


NOISE_CARDS = (
    *("BUNIT", "EXPTIME"),
    *(key for name in (*GAINS, *READ_NOISES) for key in of_amplifiers(name)),
)
"""All that tell it."""

NOISE_OF_HEADER = (
    "for the fit of the PSF the noise of the pixels follows from gain, read noise and BUNIT in the "
    "header"
)
"""What is said where there are no errors in an ERR image."""
