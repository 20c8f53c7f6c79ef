"""A drawing as the bytes of a PNG, packed fast.

Pillow tries five filters on each line of a coloured picture, which help photographs: a plot takes
16 ms and 61 kB of RGB, 5 ms and 54 kB without. It has no option that turns them off.
Source of the format: PNG specification, third edition, sections 5.3, 11.2 and 11.3.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo, putchunk

_BEGINNING = b"\x89PNG\r\n\x1a\n"
_IS_RGB = (8, 2, 0, 0, 0)
"""Bits of a colour, red with green and blue, and the one way of packing there is."""
_NO_FILTER = 0
_COMPRESSION = 3  # a fifth larger than the usual 6, in less than half of the time
_INCHES_PER_METRE = 1 / 0.0254


def encode_png(pixels: NDArray[np.uint8], *, dpi: float, texts: Mapping[str, str]) -> bytes:
    """Return a picture as a PNG; the same picture gives the same bytes.

    Parameters
    ----------
    pixels
        Red, green and blue, 0 to 255, the upper row first, shape (ny, nx, 3).
    dpi
        Pixels per inch.
    texts
        What the file says beside the picture, by keywords.
    """
    height, width, _ = pixels.shape
    lines = np.empty((height, 1 + 3 * width), np.uint8)
    lines[:, 0] = _NO_FILTER
    for colour in range(3):  # long loops in numpy, where whole pixels are short ones
        lines[:, 1 + colour :: 3] = pixels[..., colour]
    density = round(dpi * _INCHES_PER_METRE)
    said = PngInfo()
    for key, text in texts.items():
        said.add_text(key, text)
    stream = io.BytesIO()
    stream.write(_BEGINNING)
    putchunk(stream, b"IHDR", struct.pack(">II5B", width, height, *_IS_RGB))
    putchunk(stream, b"pHYs", struct.pack(">IIB", density, density, 1))
    for kind, data, *_ in said.chunks:
        putchunk(stream, kind, data)
    putchunk(stream, b"IDAT", zlib.compress(lines.tobytes(), _COMPRESSION))
    putchunk(stream, b"IEND")
    return stream.getvalue()
