"""Which images belong to a chip: its data quality, its errors.

HST pairs ``SCI,n`` with ``DQ,n`` and ``ERR,n``. Files of other makers, and files whose extensions
were copied together, have EXTVER twice or not at all; there the order in the file decides. WFPC2
keeps its flags in a file of their own, ``<root>_c1m.fits`` beside ``<root>_c0m.fits``, extensions
``SCI,n`` (HST Data Handbook for WFPC2, section 2.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.fits_blocks import Hdu, scan_hdus

_WFPC2_NAME = re.compile(
    r"^(?P<root>.+)_c0(?P<kind>[mf])(?P<ending>\.fits(?:\.gz)?)$", re.IGNORECASE
)


def find_companion(
    path: Path,
    hdus: Sequence[Hdu],
    extension: int,
    name: str,
    *,
    among: Sequence[Hdu] | None = None,
) -> Hdu | None:
    """Find the image of a given EXTNAME that belongs to a chip.

    By EXTVER, where that tells the chips apart and the images sought as well; else by rank, where
    there are as many of the ones as of the others; else the one that stands between this chip and
    the next.

    Parameters
    ----------
    path : Path
        The file, for messages.
    hdus : sequence of Hdu
        Its layout.
    extension : int
        Index of the chip's HDU.
    name : str
        EXTNAME in capitals: ``DQ``, ``ERR``.
    among : sequence of Hdu or None
        The layout of the file in which the image is, where that is another one.

    Raises
    ------
    InputError
        There are such images, and neither EXTVER nor order tells which is the chip's.
    """
    found = [hdu for hdu in (hdus if among is None else among) if hdu.name == name]
    chip = hdus[extension]
    siblings = [hdu for hdu in hdus if hdu.name == chip.name] if chip.name else [chip]
    if not found:
        return None
    if _are_told_apart(siblings) and _are_told_apart(found):
        return next((hdu for hdu in found if hdu.version == chip.version), None)
    if len(found) == len(siblings):
        return found[siblings.index(chip)]
    behind = [] if among is not None else _until_next(siblings, chip, found)
    if len(behind) == 1:
        return behind[0]
    raise InputError(
        f"{path}: {len(found)} extensions {name} for {len(siblings)} {chip.name or 'images'}, and "
        "EXTVER does not say which belongs to which; give each pair an EXTVER of its own"
    )


def _are_told_apart(hdus: Sequence[Hdu]) -> bool:
    """Tell whether no two HDUs have the same EXTVER; one without counts as 1."""
    return len({hdu.version for hdu in hdus}) == len(hdus)


def _until_next(siblings: Sequence[Hdu], chip: Hdu, found: Sequence[Hdu]) -> list[Hdu]:
    """Return the images that stand behind a chip and before the next one."""
    following = [hdu.index for hdu in siblings if hdu.index > chip.index]
    end = min(following, default=None)
    return [hdu for hdu in found if hdu.index > chip.index and (end is None or hdu.index < end)]


def quality_file(path: Path) -> Path | None:
    """Return the file of data quality flags that lies beside a WFPC2 exposure, if it does.

    ``_c1m`` of ``_c0m``, ``_c1f`` of ``_c0f``, or the other of these two; gzipped or not.
    """
    match = _WFPC2_NAME.match(path.name)
    if match is None:
        return None
    kinds = "mf" if match["kind"].lower() == "m" else "fm"
    for kind in kinds:
        for ending in dict.fromkeys((match["ending"], ".fits", ".fits.gz")):
            beside = path.with_name(f"{match['root']}_c1{kind}{ending}")
            if beside.is_file():
                return beside
    return None


def quality_name(path: Path) -> str | None:
    """Return how the file of flags beside a WFPC2 exposure is called, there or not."""
    match = _WFPC2_NAME.match(path.name)
    return f"{match['root']}_c1{match['kind']}{match['ending']}" if match else None


def find_quality(
    path: Path, hdus: Sequence[Hdu], extension: int
) -> tuple[Path, Sequence[Hdu], Hdu] | None:
    """Find the data quality flags of a chip.

    Returns
    -------
    (Path, sequence of Hdu, Hdu) or None
        The file that holds them, its layout and the HDU; None where there are none.

    Raises
    ------
    InputError
        As `find_companion`, or the file beside a WFPC2 exposure cannot be read.
    """
    own = find_companion(path, hdus, extension, "DQ")
    if own is not None:
        return path, hdus, own
    beside = quality_file(path) if is_wfpc2(hdus) else None
    if beside is None:
        return None
    others = scan_hdus(beside)
    found = find_companion(path, hdus, extension, hdus[extension].name or "SCI", among=others)
    return None if found is None else (beside, others, found)


def is_wfpc2(hdus: Sequence[Hdu]) -> bool:
    """Tell from the primary header whether an exposure is of WFPC2."""
    return str(hdus[0].values.get("INSTRUME", "")).strip().upper() == "WFPC2"


def missing_quality(path: Path, name: str) -> str:
    """Say that the file of a WFPC2 exposure's flags is missing."""
    return (
        f"{path}: has no DQ extension, and the flags that WFPC2 keeps in {name} are not beside "
        "it; fetch that file, or set dqbits to null"
    )
