"""The sections of a recipe, as far as they say how something is computed, with their types.

Default, unit, bounds and text of each parameter are in ``schemas/recipe.schema.yaml``. What stands
in a class here makes the steps stale that consume it; switches and names of files do not stand
here.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Weighting = Literal["none", "flux", "errors"]
Weights = Literal["auto"] | Weighting
Units = Literal["pixels", "arcseconds"]
Method = Literal["histogram", "triangles"]
Fallback = Literal["none", "brightest", "triangles"]
OneGeometry = Literal["shift", "rshift", "rscale", "general"]
FitGeometry = OneGeometry | Literal["auto"]


class Flags(TypedDict):
    """Which DQ flags are good."""

    dqbits: int | str | None


class Finding(TypedDict):
    """How sources are found in pixels."""

    computesig: bool
    skysigma: float
    conv_width: float
    threshold: float
    peakmin: float | None
    peakmax: float | None
    fluxmin: float | None
    fluxmax: float | None
    nsigma: float
    ratio: float
    theta: float
    use_sharp_round: bool
    sharplo: float
    sharphi: float
    roundlo: float
    roundhi: float
    finder: str
    background: Literal["local", "map"]
    backsize: int
    backfiltersize: int
    minarea: int
    deblend_levels: int
    deblend_contrast: float
    sextractor: dict[str, Any]


class Centroid(TypedDict):
    """Which positions of the sources count."""

    centroid: Literal["daofind", "psf"]


class CoordinateFile(TypedDict):
    """How catalogs of the images are read."""

    xcol: int | str
    ycol: int | str
    fluxcol: int | str | None
    maxflux: float | None
    minflux: float | None
    fluxunits: Literal["counts", "cps", "mag"]
    xyunits: Literal["pixels", "degrees"]
    nbright: int | None


class ReferenceCatalog(TypedDict):
    """How a reference catalog is read."""

    refxcol: int | str
    refycol: int | str
    refxyunits: Literal["degrees", "pixels"]
    rfluxcol: int | str | None
    rmaxflux: float | None
    rminflux: float | None
    rfluxunits: Literal["counts", "cps", "mag"]
    refnbright: int | None
    refxerrcol: int | str | None
    refyerrcol: int | str | None
    referrunits: str
    ref_epoch: float | str | None
    columns: dict[str, int | str | None]
    no_pm: Literal["keep", "drop", "inflate"]
    ruwe_max: float | None
    pm_error_max: float | None


class ObjectMatching(TypedDict):
    """How sources are matched."""

    minobj: int
    searchrad: float
    searchunits: Units
    method: Method
    fallback: Fallback
    mirrored: bool
    leave_out_narrow: bool
    leave_out_fixed: bool
    use2dhist: bool
    tolerance: float
    separation: float
    xoffset: float | None
    yoffset: float | None


class MatchGate(TypedDict):
    """What a match is judged by."""

    max_false_alarm: float


class Pointings(TypedDict):
    """How far off each other's place exposures of one camera may be."""

    searchrad: float
    searchunits: Units
    method: Method
    fallback: Fallback
    use2dhist: bool
    tolerance: float
    xoffset: float | None
    yoffset: float | None


class FitGates(TypedDict):
    """What a fit is judged by."""

    min_matches: int | None
    max_rms: float | None
    max_error: float | None
    max_shift: float | None
    max_rotation: float | None
    max_scale: float | None
    min_coverage: float | None
    never_worse: bool


class Clipping(TypedDict):
    """How a fit is made of pairs whose weights are known."""

    fitgeometry: FitGeometry
    robust_start: bool
    nclip: int
    sigma: float


class WeightedFitting(Clipping):
    """How a fit is made where it is decided what pairs count."""

    weights: Weighting


class CatalogFitting(Clipping):
    """How a fit is made."""

    weights: Weights


class Acceptance(MatchGate, FitGates):
    """What match and fit are judged by."""


class Geometry(TypedDict):
    """What the transformation between two images may do."""

    fitgeometry: FitGeometry


class AlignmentSections(TypedDict):
    """The sections of a recipe about the alignment of an image."""

    object_matching: ObjectMatching
    acceptance: Acceptance
    catalog_fitting: CatalogFitting


class PairSections(TypedDict):
    """The sections of a recipe about the match of two images with each other."""

    object_matching: ObjectMatching
    acceptance: MatchGate
    catalog_fitting: Geometry


class Priors(TypedDict):
    """How far headers are expected to be wrong."""

    shift: float | None
    rotation: float | None
    scale: float | None


class Solution(TypedDict):
    """How all images are solved together."""

    method: Literal["single", "relative_absolute", "simultaneous"]
    groups: str | dict[str, str | list[str]]
    fitgeometry: OneGeometry | dict[str, OneGeometry] | None
    gauge: Literal["first", "mean"]
    chip_terms: Literal["none", "shift", "rshift", "rscale", "general"]
    weights: Literal["errors", "none"]
    sigma: float
    nclip: int
    priors: Priors


class ResidualLook(TypedDict):
    """How residuals are drawn."""

    residplot: Literal["No plot", "vector", "residuals", "both"]
    ylimit: float | None
    labelsize: int


class Letters(TypedDict):
    """How large letters of plots are."""

    labelsize: int


class HeaderNames(TypedDict):
    """What the new WCS is called, and where it goes."""

    wcsname: str
    reusename: bool
    in_place: bool


class Attach(TypedDict):
    """Whether a headerlet goes into the aligned copy."""

    attach: bool


class HeaderletTexts(TypedDict):
    """What a headerlet says."""

    hdrfile: str
    hdrname: str
    author: str
    descrip: str
    catalog: str


class ShiftfileNames(TypedDict):
    """What shift file and reference WCS are called."""

    outshifts: str
    outwcs: str
