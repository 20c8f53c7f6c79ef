"""Small pictures for pages: grey pixels, masks and histograms as data URIs.

The same array gives the same bytes, as the encoders write neither time nor name.
"""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray

FloatArray = NDArray[np.floating[Any]]

_JPEG_QUALITY = 72
"""Half the bytes of 90, and noise looks like noise."""
_MASK_COLOUR = (230, 159, 0)
"""Orange of Okabe and Ito."""
_MASK_OPACITY = 110
_FEW = 25
"""Pixels, of which ZScale makes nothing."""
_SOFTENING = 0.05
"""Where the asinh stretch of a star turns from linear to logarithmic, in its range."""


def block_size(shape: tuple[int, int], *, longest: int) -> int:
    """Return how many pixels a side to join, so that no side of a picture is above `longest`.

    Of an image that is a mere strip, not more than it is wide.
    """
    return max(1, min(*shape, math.ceil(max(shape) / longest)))


def block_means(pixels: FloatArray, size: int) -> NDArray[np.float32]:
    """Average an image in square blocks.

    Parameters
    ----------
    pixels
        Shape (ny, nx); what is not finite is left out.
    size
        Pixels a side; rows and columns that fill no block are left out.

    Returns
    -------
    ndarray, shape (ny // size, nx // size)
        nan where a block holds no finite pixel.
    """
    ny, nx = (n // size for n in pixels.shape)
    part = pixels[: ny * size, : nx * size]
    means = _block_sums(part, size) / np.float32(size**2)
    if np.isfinite(means).all():
        return means.astype(np.float32)
    finite = np.isfinite(part)
    number = _block_sums(finite.astype(np.float32), size)
    sums = _block_sums(np.where(finite, part, 0), size)
    with np.errstate(invalid="ignore"):
        return np.where(number > 0, sums / number, np.nan).astype(np.float32)


def _block_sums(part: FloatArray, size: int) -> FloatArray:
    """Add up blocks, rows first: that goes through the memory in order."""
    ny, nx = (n // size for n in part.shape)
    rows = part.reshape(ny, size, nx * size).sum(axis=1)
    sums: FloatArray = rows.reshape(ny, nx, size).sum(axis=2)
    return sums


def zscale_limits(pixels: FloatArray) -> tuple[float, float]:
    """Return the values that are drawn white and black: ZScale, as DS9 and IRAF do.

    Equal values get a range of their own, an image without a finite pixel gets 0 to 1.
    """
    from astropy.visualization.interval import ZScaleInterval

    finite = pixels[np.isfinite(pixels)]
    if not finite.size:
        return 0.0, 1.0
    if finite.size < _FEW:
        low, high = float(finite.min()), float(finite.max())
    else:
        low, high = (float(limit) for limit in ZScaleInterval().get_limits(finite))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def grey_jpeg(pixels: FloatArray, limits: tuple[float, float]) -> str:
    """Draw pixels dark on bright, the first row at the bottom, as a data URI."""
    low, high = limits
    shown = np.nan_to_num((pixels - low) / (high - low), nan=0.0)
    grey = (255 - np.clip(shown, 0, 1) * 255).astype(np.uint8)
    return _encode(grey[::-1], "JPEG", quality=_JPEG_QUALITY)


def star_png(pixels: FloatArray) -> str:
    """Draw the pixels around a star dark on bright, with an asinh stretch, as a data URI."""
    finite = pixels[np.isfinite(pixels)]
    low, high = (float(np.median(finite)), float(finite.max())) if finite.size else (0.0, 1.0)
    shown = np.clip(np.nan_to_num((pixels - low) / max(high - low, 1e-30), nan=0.0), 0, 1)
    bright = np.arcsinh(shown / _SOFTENING) / np.arcsinh(1 / _SOFTENING)
    return _encode((255 - bright * 255).astype(np.uint8)[::-1], "PNG")


def counts_png(counts: NDArray[Any]) -> str:
    """Draw a histogram dark on white, by the root of its counts, as a data URI."""
    root = np.sqrt(counts / max(1, counts.max()))
    return _encode((255 - root * 255).astype(np.uint8)[::-1], "PNG")


def mask_png(good: BoolArray, size: int) -> str | None:
    """Draw where no source may be as a tint; None where there is no such place.

    Parameters
    ----------
    good
        True where sources may be, shape (ny, nx).
    size
        Pixels a side that are joined; a block is drawn if half of it is bad.
    """
    from PIL import Image

    bad = block_means((~good).astype(np.float32), size) >= 0.5  # noqa: PLR2004  half
    if not bad.any():
        return None
    picture = Image.fromarray(bad[::-1].astype(np.uint8), mode="P")
    picture.putpalette([255, 255, 255, *_MASK_COLOUR])
    return _as_uri(picture, "PNG", transparency=bytes([0, _MASK_OPACITY]), optimize=False)


def _encode(grey: NDArray[np.uint8], kind: str, **options: Any) -> str:  # noqa: ANN401  Pillow's
    """Encode a grey picture."""
    from PIL import Image

    return _as_uri(Image.fromarray(np.ascontiguousarray(grey)), kind, **options)


def _as_uri(picture: Any, kind: str, **options: Any) -> str:  # noqa: ANN401  Pillow's
    """Write a picture as a data URI."""
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"
