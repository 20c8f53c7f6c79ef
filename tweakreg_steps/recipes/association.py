"""Association tables of HST: which exposures are observed together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError

ENDINGS = ("_asn.fits", "_asc.fits")
"""How the names of association tables end."""

_MEMBER_ENDINGS = (
    "_crj.fits",
    "_flt.fits",
    "_flc.fits",
    "_sfl.fits",
    "_cal.fits",
    "_raw.fits",
    "_c0h.fits",
    "_c0f.fits",
    "_c0m.fits",
    "_c1f.fits",
    ".fits",
)
"""How the file of a member may be called, behind its name; the first that is there is taken. The
order is that of ``stsci.tools``, so that the answer is TweakReg's."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,68}")
"""The name of a member, which is no path."""


def is_association(name: str) -> bool:
    """Tell from its name whether a file is an association table."""
    return name.lower().endswith(ENDINGS)


def association_members(path: Path) -> list[Path]:
    """Return the files of an association's exposures, in the order of the table.

    Products (MEMTYPE ``PROD-...``) and members that are not there by the table (MEMPRSNT false)
    are left out. The exposures lie beside the table, under the member's name as it is written or
    in lower case.

    Raises
    ------
    InputError
        The table cannot be read or names no exposure, or a member has no file; all of them named.
    """
    names = _member_names(path)
    if not names:
        raise InputError(
            f"{path}: the association names no exposure that is present; list the images instead"
        )
    strange = [name for name in names if not _PLAIN.fullmatch(name)]
    if strange:
        raise InputError(
            f"{path}: {strange[0]!r} is no name of an exposure; list the images instead"
        )
    files = {name: _member_file(path.parent, name) for name in names}
    missing = [name for name, file in files.items() if file is None]
    if missing:
        raise InputError(
            "\n".join(
                f"{path}: there is no exposure of the member {name} beside the association (tried "
                f"{name.lower()}{f', {name.lower()}'.join(_MEMBER_ENDINGS)}); fetch it, or list "
                "the images instead"
                for name in missing
            )
        )
    return [file for file in files.values() if file is not None]


def _member_names(path: Path) -> list[str]:
    """Return the names of the exposures that are present, of a file that may be damaged."""
    try:
        return _read_names(path)
    except InputError:
        raise
    except Exception as error:  # astropy raises what it likes
        raise InputError(
            f"{path}: cannot be read as an association table ({error}); fetch it again, or list "
            "the images instead"
        ) from error


def _read_names(path: Path) -> list[str]:
    """Return the names of the exposures that are present."""
    from tweakreg_steps.fits_files.damage import damage_named
    from tweakreg_steps.fits_files.fits_blocks import scan_hdus
    from tweakreg_steps.fits_files.opening import open_quietly

    scan_hdus(path)  # which says by name what is wrong with the file
    with open_quietly(path) as hdus, damage_named(f"{path}: the rows of the association"):
        table: Any = hdus[1].data if len(hdus) > 1 else None
        columns = getattr(getattr(table, "columns", None), "names", [])
        missing = [name for name in ("MEMNAME", "MEMTYPE") if name not in columns]
        if missing:
            raise InputError(
                f"{path}: is no association table: it has no column {' and '.join(missing)}; list "
                "the images instead"
            )
        present = table["MEMPRSNT"] if "MEMPRSNT" in columns else [True] * len(table)
        rows = zip(table["MEMNAME"], table["MEMTYPE"], present, strict=True)
        return [
            str(name).strip()
            for name, kind, is_present in rows
            if str(kind).strip().upper().startswith("EXP") and _is_true(is_present)
        ]


def _is_true(value: Any) -> bool:  # noqa: ANN401  a cell: logical, or a word in old tables
    """Read a cell of MEMPRSNT."""
    return str(value).strip().lower() in ("true", "t", "yes", "y", "1")


def _member_file(folder: Path, name: str) -> Path | None:
    """Find the file of a member."""
    for ending in _MEMBER_ENDINGS:
        for spelled in (name, name.lower()):
            path = folder / f"{spelled}{ending}"
            if path.is_file():
                return path
    return None
