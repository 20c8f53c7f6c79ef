"""A first look at exposures: what a recipe for them should say, measured on their pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.errors import InputError, TweakRegError
from tweakreg_steps.fits_files.chips import list_chips
from tweakreg_steps.fits_files.exposure import read_dq, read_header, read_pixels
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.fits_files.opening import open_quietly
from tweakreg_steps.fits_files.pixel_unit import PixelUnit, pixel_unit
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.sections import Finding
from tweakreg_steps.surveying.psf_gain import Pointing, Stars, measure_stars, pointing_of, say_gain

_START = 500.0
"""The threshold, in units of the noise, from which sources are looked for downwards."""
_LEAST = 5.0
_WANTED = 100
"""So many stars a chip are enough for a match and a fit."""
_BOX = 7
"""Half the side of the box in which a star is measured, pixels."""
_STARS = 60
_FEWEST = 5
_BAD_BITS = (16, 4096, 8192)
"""HST's flags of hot pixels and cosmic rays."""


@dataclass(frozen=True)
class Look:
    """What one exposure shows, on its first chip.

    Attributes
    ----------
    name
        Its name.
    camera, filters, target
        By its header; blank where it says nothing.
    sky, noise
        Mode and standard deviation of the sky, in the unit of the pixels.
    width
        Full width at half maximum of its stars in pixels; nan where none could be measured.
    threshold, n_sources
        A threshold, in units of the noise, and how many stars a chip are above it.
    scale
        Size of a pixel in arcseconds; nan where it is not known.
    flags
        Bits of hot pixels and cosmic rays that are set in its DQ array, and the part of the pixels.
    saturation
        The header's SATURATE, or nan.
    stars
        What it has for a PSF; None where there are no stars.
    """

    name: str
    camera: str
    filters: str
    target: str
    sky: float
    noise: float
    width: float
    threshold: float
    n_sources: int
    scale: float
    flags: tuple[int, float]
    saturation: float
    stars: Stars | None = None


def look_at(image: InputImage, find: Finding) -> Look | None:
    """Look at an exposure; None where there is nothing to be measured.

    Parameters
    ----------
    image
        The exposure.
    find
        The section ``imagefindpars`` with its defaults.

    Raises
    ------
    InputError
        It is no exposure, or not a whole one.
    """
    try:
        chip = list_chips(image.path, image.selection)[0]
        header = read_header(image.path, chip)
        with open_quietly(image.path) as hdus:
            primary = dict(hdus[0].header)
        pixels = read_pixels(image.path, chip)
        flags = _flags(read_dq(image.path, chip))
    except InputError:
        raise
    except (TweakRegError, OSError, ValueError, IndexError):
        return None
    own = dict(header)
    found = _measure(
        np.asarray(pixels, dtype=np.float32), pixel_unit(own, primary), find, {**primary, **own}
    )
    if found is None:
        return None
    sky, noise, width, threshold, number, stars = found
    return Look(
        image.name,
        camera=_words(own, primary, "INSTRUME", "DETECTOR"),
        filters=_words(own, primary, "FILTER", "FILTER1", "FILTER2"),
        target=_words(own, primary, "TARGNAME") or _words(own, primary, "OBJECT"),
        sky=sky,
        noise=noise,
        width=width,
        threshold=threshold,
        n_sources=number,
        scale=_scale(own),
        flags=flags,
        saturation=float(own.get("SATURATE", primary.get("SATURATE", math.nan)) or math.nan),
        stars=stars,
    )


def point_at(image: InputImage) -> Pointing:
    """Look where an exposure points, and whether a PSF can be fitted to it; no pixel is read."""
    nowhere = Pointing(None, 0.0, 0.0, 0.0)
    try:
        chip = list_chips(image.path, image.selection)[0]
        own = dict(read_header(image.path, chip))
        with open_quietly(image.path) as hdus:
            cards = {**dict(hdus[0].header), **own}
            has_errors = ("ERR", 1) in hdus and hdus["ERR", 1].shape == chip.shape
        return pointing_of(cards, chip.shape, _scale(own), has_errors=has_errors)
    except (TweakRegError, OSError, ValueError, IndexError):
        return nowhere


def _measure(
    pixels: NDArray[np.float32],
    unit: PixelUnit,
    find: Finding,
    header: Cards,
) -> tuple[float, float, float, float, int, Stars | None] | None:
    """Return sky, noise, width of stars, a threshold, how many are above it, and for a PSF."""
    from tweakreg_steps.finding.finders import FINDERS, Search
    from tweakreg_steps.finding.narrowness import measure_narrowness

    finite = np.isfinite(pixels)
    if finite.sum() < _WANTED:
        return None
    good = np.ones(pixels.shape, dtype=bool)
    sky, noise = _sky(pixels[finite])
    threshold, width, number = _START, math.nan, 0
    for_psf: Stars | None = None
    while True:
        section: Finding = {**find, "threshold": threshold, "computesig": False, "skysigma": noise}
        try:
            found = FINDERS["daofind"].search(Search(pixels, good, None, None, unit, section))
        except TweakRegError:
            return sky, noise, width, threshold, number, for_psf
        x, y = found.columns["x"], found.columns["y"]
        shape = measure_narrowness(pixels, x, y, sigma=found.sigma)
        stars = ~np.asarray(shape.narrow, dtype=bool)
        number = int(stars.sum())
        if number >= _FEWEST:
            width = _width(pixels, x[stars], y[stars], np.asarray(found.columns["peak"])[stars])
        if number >= _WANTED or threshold <= _LEAST:
            if math.isfinite(width):
                for_psf = measure_stars(
                    pixels, header, x[stars], y[stars], sky=sky, noise=noise, width=width
                )
            return sky, noise, width, threshold, number, for_psf
        threshold = max(threshold / 2.0, _LEAST)


def _sky(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return median and standard deviation of the sky, from the lower half of its distribution."""
    some = values[:: max(len(values) // 500_000, 1)].astype(np.float64)
    low, middle = np.percentile(some, [15.865, 50.0])
    some = some[np.abs(some - middle) < 4.0 * max(middle - low, 1e-12)]
    low, middle = np.percentile(some, [15.865, 50.0])
    return float(middle), float(max(middle - low, 1e-12))


def _width(pixels: NDArray[np.float32], x: FloatArray, y: FloatArray, peak: FloatArray) -> float:
    """Return the median full width at half maximum of bright stars, from their half-light area.

    Of a round Gaussian the pixels above half the peak cover ``pi (FWHM / 2)^2``; the peak of a
    narrow one is blurred by the pixel, so that the area is taken from the sums instead:
    ``FWHM^2 = 4 ln 2 * flux / (pi * peak)``.
    """
    ny, nx = pixels.shape
    widths = []
    for i in np.argsort(peak)[::-1]:
        column, row = round(float(x[i])) - 1, round(float(y[i])) - 1
        inside = _BOX <= column < nx - _BOX and _BOX <= row < ny - _BOX
        if not inside:
            continue
        box = pixels[row - _BOX : row + _BOX + 1, column - _BOX : column + _BOX + 1]
        edge = np.concatenate([box[0], box[-1], box[:, 0], box[:, -1]])
        light = box.astype(np.float64) - float(np.median(edge))
        core = light[_BOX - 3 : _BOX + 4, _BOX - 3 : _BOX + 4]
        top, flux = float(core.max()), float(core.sum())
        if np.isfinite(flux) and top > 0.0 and flux > top:
            widths.append(math.sqrt(4.0 * math.log(2.0) * flux / (math.pi * top)))
        if len(widths) == _STARS:
            break
    return float(np.median(widths)) if len(widths) >= _FEWEST else math.nan


def _flags(dq: NDArray[Any] | None) -> tuple[int, float]:
    """Return which bits of hot pixels and cosmic rays are set, and in which part of the pixels."""
    if dq is None:
        return 0, 0.0
    present = [bit for bit in _BAD_BITS if np.any(dq & bit)]
    bits = sum(present)
    return bits, float(np.mean((dq & bits) != 0)) if bits else 0.0


def _words(own: Cards, primary: Cards, *keys: str) -> str:
    """Return what the headers say under some keywords."""
    said = (str(own.get(key, primary.get(key, "")) or "").strip() for key in keys)
    return "/".join(word for word in said if word and not word.upper().startswith("CLEAR"))


def _scale(header: Cards) -> float:
    """Return the size of a pixel in arcseconds."""
    try:
        cd = [[float(header.get(f"CD{i}_{j}", 0.0)) for j in (1, 2)] for i in (1, 2)]
    except (TypeError, ValueError):
        return math.nan
    area = abs(cd[0][0] * cd[1][1] - cd[0][1] * cd[1][0])
    return math.sqrt(area) * 3600.0 if area else math.nan


class ProposedFinding(TypedDict, total=False):
    """Parameters of ``imagefindpars`` that exposures tell."""

    threshold: float
    conv_width: float
    dqbits: str
    peakmax: float
    centroid: Literal["psf"]
    psf: str


@dataclass(frozen=True)
class Proposal:
    """What a recipe should say, each value with the reason.

    Attributes
    ----------
    finding
        Parameters of ``imagefindpars``.
    searchrad
        ``object_matching.searchrad``.
    reasons
        The reason of each, by the name of the parameter.
    warnings
        What the user should know of the files.
    """

    finding: ProposedFinding
    searchrad: float
    reasons: Mapping[str, str]
    warnings: tuple[str, ...]


def propose(looks: Sequence[Look], pointings: Sequence[Pointing]) -> Proposal:
    """Return what a recipe should say.

    Parameters
    ----------
    looks
        At some of its exposures.
    pointings
        Of all of them.
    """
    finding: ProposedFinding = {}
    reasons: dict[str, str] = {}
    threshold = min(look.threshold for look in looks)
    fewest = min(look.n_sources for look in looks)
    finding["threshold"] = float(f"{threshold:.3g}")
    reasons["threshold"] = f"at least {fewest} stars a chip are above it [sigma of the sky]"
    widths = [look.width for look in looks if math.isfinite(look.width)]
    width = float(np.median(widths)) if widths else math.nan
    finding["conv_width"] = 3.5 if not widths else min(max(round(4.0 * width) / 2.0, 2.0), 15.0)
    reasons["conv_width"] = (
        f"about twice the stars' width of {width:.1f} pixels [pix]"
        if widths
        else "the default: no star could be measured [pix]"
    )
    bits = int(np.bitwise_or.reduce([look.flags[0] for look in looks]))
    if bits:
        part = max(look.flags[1] for look in looks)
        finding["dqbits"] = f"~{bits}"
        reasons["dqbits"] = f"up to {part:.1%} of the pixels are flagged as hot or hit"
    limits = [look.saturation for look in looks if math.isfinite(look.saturation)]
    if limits:
        finding["peakmax"] = float(f"{0.9 * min(limits):.3g}")
        reasons["peakmax"] = f"nine tenths of the header's SATURATE, {min(limits):g}"
    stars = [look.stars for look in looks if look.stars is not None]
    gain = say_gain(stars, pointings, width) if len(stars) == len(looks) else None
    if gain is not None:
        finding["centroid"], finding["psf"] = "psf", "build"
        reasons["centroid"] = gain
        reasons["psf"] = "from these exposures; or a file of the STDPSF library"
    scales = [look.scale for look in looks if math.isfinite(look.scale)]
    is_space = all(look.scale < 0.2 for look in looks)  # noqa: PLR2004  arcsec
    searchrad = 1.0 if is_space else float(f"{max(2.0, 10.0 * max(scales, default=0.2)):.2g}")
    reasons["searchrad"] = (
        "HST's pointing is known to about an arcsecond [arcsec]"
        if is_space
        else "ten pixels; larger where the telescope points worse [arcsec]"
    )
    return Proposal(finding, searchrad, reasons, tuple(_mixed(looks)))


def _mixed(looks: Sequence[Look]) -> Iterator[str]:
    """Yield what the exposures do not have in common."""
    for what, key in (("cameras", "camera"), ("targets", "target")):
        found = sorted({str(getattr(look, key)) for look in looks if getattr(look, key)})
        if len(found) > 1:
            yield (
                f"these are exposures of several {what} ({', '.join(found)}): threshold and "
                "conv_width may have to differ; give them below `images`, or write a recipe for "
                "each"
            )
