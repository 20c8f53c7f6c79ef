"""The configuration of SExtractor: what the recipe's parameters say, and what its user adds.

SExtractor (Bertin & Arnouts 1996, A&AS 117, 393) has options of its own, which
``imagefindpars.sextractor`` names. Here they are judged, and joined with those that carry the other
parameters of the section.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from tweakreg_steps.fits_files.image_name import split_selection

Option = str | float | bool

CATALOG, PARAMETERS, FILTER, WEIGHTS = (
    "sources.fits",
    "columns.param",
    "filter.conv",
    "weights.fits",
)
"""The names of files in the folder that the program runs in."""

COLUMNS = (
    "XWIN_IMAGE",
    "YWIN_IMAGE",
    "ERRX2WIN_IMAGE",
    "ERRY2WIN_IMAGE",
    "XPEAK_IMAGE",
    "YPEAK_IMAGE",
    "FLUX_AUTO",
    "FLAGS",
)
"""What is measured. Windowed positions scatter several times less than isophotal ones do."""

THRESHOLD_OPTIONS = ("THRESH_TYPE", "DETECT_THRESH", "ANALYSIS_THRESH")
"""Where the user gives one of these, all three are the user's."""

MAPS = ("MAP_RMS", "MAP_VAR", "MAP_WEIGHT")
"""The kinds of weight maps."""

_OURS = "the catalog is read by this workflow"
_LOST = "its files would go with the temporary folder the program runs in"
_FLAGS = "which pixels are good is said by dqbits and by exclusions"
_NO_HEADER = "the program gets the pixels without their header; give the value itself"
_UNUSED = "nothing that is kept of a source depends on it"
REFUSED = {
    "CATALOG_NAME": _OURS,
    "CATALOG_TYPE": _OURS,
    "PARAMETERS_NAME": _OURS,
    "CHECKIMAGE_TYPE": _LOST,
    "CHECKIMAGE_NAME": _LOST,
    "WRITE_XML": _LOST,
    "XML_NAME": _LOST,
    "XSL_URL": _LOST,
    "VERBOSE_TYPE": "what the program says goes into the log of find_sources",
    "FLAG_IMAGE": _FLAGS,
    "FLAG_TYPE": _FLAGS,
    "GAIN_KEY": _NO_HEADER,
    "SATUR_KEY": _NO_HEADER,
    "HEADER_SUFFIX": _NO_HEADER,
    "DGEO_TYPE": "the distortion is taken from the header, after the sources are found",
    "DGEO_IMAGE": "the distortion is taken from the header, after the sources are found",
    "STARNNW_NAME": _UNUSED,
    "PSF_NAME": _UNUSED,
    "PSF_NMAX": _UNUSED,
    "PATTERN_TYPE": _UNUSED,
    "SOM_NAME": _UNUSED,
    **{
        f"ASSOC{name}": "sources are matched after they are found"
        for name in ("_NAME", "_DATA", "_PARAMS", "COORD_TYPE", "_RADIUS", "_TYPE", "SELEC_TYPE")
    },
}
"""Options that a recipe may not give, and why."""


ALLOWED = frozenset(
    {
        *("DETECT_TYPE", "DETECT_MINAREA", "DETECT_MAXAREA", *THRESHOLD_OPTIONS),
        *("FILTER", "FILTER_NAME", "FILTER_THRESH", "DEBLEND_NTHRESH", "DEBLEND_MINCONT"),
        *("CLEAN", "CLEAN_PARAM", "MASK_TYPE"),
        *("WEIGHT_TYPE", "RESCALE_WEIGHTS", "WEIGHT_IMAGE", "WEIGHT_GAIN", "WEIGHT_THRESH"),
        *("PHOT_APERTURES", "PHOT_AUTOPARAMS", "PHOT_PETROPARAMS", "PHOT_AUTOAPERS"),
        *("PHOT_FLUXFRAC", "SATUR_LEVEL", "MAG_ZEROPOINT", "MAG_GAMMA", "GAIN"),
        *("PIXEL_SCALE", "SEEING_FWHM", "BACK_TYPE", "BACK_VALUE", "BACK_SIZE"),
        *("BACK_FILTERSIZE", "BACKPHOTO_TYPE", "BACKPHOTO_THICK", "BACK_FILTTHRESH"),
        *("MEMORY_OBJSTACK", "MEMORY_PIXSTACK", "MEMORY_BUFSIZE", "NTHREADS"),
        *("FITS_UNSIGNED", "INTERP_MAXXLAG", "INTERP_MAXYLAG", "INTERP_TYPE"),
    }
)
"""Options that a recipe may give: those that say how sources are found, and name no output."""

FILES = frozenset({"FILTER_NAME", "WEIGHT_IMAGE"})
"""Options whose values are files of the user's. The program is given copies with names of ours."""

_VALUE = re.compile(r"[A-Za-z0-9_.,+\- ]{0,200}")
"""A value that the program reads as one: no quote, no comment, no variable, no end of line."""


def option_problems(options: Mapping[str, Option]) -> dict[str, str]:
    """Return what is wrong with a user's options, by name, as far as no program is needed."""
    problems = {
        name: f"is not the recipe's to give: {REFUSED[name]}; leave it out"
        for name in options
        if name in REFUSED
    }
    for name, value in options.items():
        if name not in REFUSED:
            problem = _problem_of(name, value)
            if problem:
                problems[name] = problem
    kind = weight_type(options)
    if kind not in ("NONE", *MAPS):
        problems["WEIGHT_TYPE"] = (
            f"{kind} cannot be had: the weight map carries the masks; use NONE or one of "
            f"{', '.join(MAPS)}"
        )
    elif kind == "NONE" and "WEIGHT_IMAGE" in options:
        problems["WEIGHT_IMAGE"] = f"needs WEIGHT_TYPE, one of {', '.join(MAPS)}"
    elif kind in ("MAP_VAR", "MAP_WEIGHT") and "WEIGHT_IMAGE" not in options:
        problems["WEIGHT_TYPE"] = (
            f"{kind} needs WEIGHT_IMAGE; MAP_RMS alone takes the ERR array of the image"
        )
    return problems


def _problem_of(name: str, value: Option) -> str | None:
    """Return what is wrong with one option by itself."""
    if name not in ALLOWED:
        nearest = difflib.get_close_matches(name.upper(), ALLOWED, n=1)
        hint = f"the nearest is {nearest[0]}" if nearest else "leave it out"
        return f"is no option of SExtractor's that a recipe may give; {hint}"
    text = str(value)
    if name in FILES:
        strange = [character for character in text if not character.isprintable()]
        if strange:
            return f"{text!r} holds {strange[0]!r}, which no name of a file may; rename the file"
    elif not _VALUE.fullmatch(text):
        return (
            f"{text!r} cannot be a value; write letters, digits, blanks and any of _ . , + - on "
            "one line, at most 200 of them"
        )
    return None


def weight_type(options: Mapping[str, Option]) -> str:
    """Return which kind of weight map a user asks for, ``NONE`` without one."""
    return str(options["WEIGHT_TYPE"]).upper() if "WEIGHT_TYPE" in options else "NONE"


def weight_image(options: Mapping[str, Option], image: str, chip: int) -> tuple[str, str | None]:
    """Return the file of a chip's weight map, and the extension in it.

    Parameters
    ----------
    options
        The user's, WEIGHT_IMAGE among them: ``{image}`` stands in it for the base name of the
        image, ``{chip}`` for the number of the chip.
    image, chip
        Base name of the image, and number of the chip from 1.
    """
    value = str(options["WEIGHT_IMAGE"])
    return split_selection(value.replace("{image}", image).replace("{chip}", str(chip)))


def needs_errors(options: Mapping[str, Option]) -> bool:
    """Tell whether the weights are the image's own ERR array."""
    return weight_type(options) == "MAP_RMS" and "WEIGHT_IMAGE" not in options


def configuration(
    options: Mapping[str, Option],
    *,
    threshold: float | None,
    level: float | None,
    has_weights: bool,
) -> dict[str, str]:
    """Return the options of one run, the user's among them.

    Parameters
    ----------
    options
        The user's.
    threshold
        Detection threshold in units of the noise that the program measures, or None.
    level
        The same in the unit of the pixels; used where `threshold` is None.
    has_weights
        Whether there is a weight map, named `WEIGHTS`; of the user's kind, else 0 for bad pixels
        and 1 for good ones.

    Returns
    -------
    dict of str to str
        Values as the program reads them.
    """
    ours: dict[str, Option] = {
        "CATALOG_NAME": CATALOG,
        "CATALOG_TYPE": "FITS_1.0",
        "PARAMETERS_NAME": PARAMETERS,
        "FILTER": True,
        "INTERP_TYPE": "NONE",
        "VERBOSE_TYPE": "NORMAL",
    }
    if not any(name in options for name in THRESHOLD_OPTIONS):
        height = threshold if threshold is not None else level
        assert height is not None  # noqa: S101  one of both is given
        kind = "RELATIVE" if threshold is not None else "ABSOLUTE"
        ours |= {"THRESH_TYPE": kind, "DETECT_THRESH": height, "ANALYSIS_THRESH": height}
    fixed: dict[str, Option] = {"FILTER_NAME": FILTER, "WEIGHT_TYPE": "NONE"}
    if has_weights:
        kind = weight_type(options)
        fixed |= {"WEIGHT_TYPE": kind if kind in MAPS else "MAP_WEIGHT", "WEIGHT_IMAGE": WEIGHTS}
    given = {
        name: value
        for name, value in options.items()
        if name not in FILES and _problem_of(name, value) is None
    }
    return {name: _spelled(value) for name, value in {**ours, **given, **fixed}.items()}


def _spelled(value: Option) -> str:
    """Write a value as the program reads it."""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
