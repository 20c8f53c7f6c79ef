"""The parameters of the recipe that each step consumes, with their types.

Default, unit, bounds and text of each are in ``schemas/recipe.schema.yaml``. What stands in a class
here makes the step stale that consumes it; switches and names of files do not stand here.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Weights = Literal["auto", "none", "flux", "errors"]
Units = Literal["pixels", "arcseconds"]


class Flags(TypedDict):
    """Which DQ flags are good."""

    dqbits: int | str | None


class MakeMasks(TypedDict):
    """What a mask depends on."""

    imagefindpars: Flags


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


class FindSources(TypedDict):
    """What a catalog depends on."""

    imagefindpars: Finding


class Centroid(TypedDict):
    """Which positions of the sources count."""

    centroid: Literal["daofind", "psf"]


class UndistortSources(TypedDict):
    """What a list of sources on the sky depends on."""

    imagefindpars: Centroid


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


class ReadCatalogs(TypedDict):
    """What a catalog made elsewhere depends on."""

    coordinate_file: CoordinateFile


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


class BuildReference(TypedDict):
    """What the reference list depends on."""

    reference_catalog: ReferenceCatalog


class ObjectMatching(TypedDict):
    """How sources are matched."""

    minobj: int
    searchrad: float
    searchunits: Units
    method: str
    fallback: str
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
    method: str
    fallback: str
    use2dhist: bool
    tolerance: float
    xoffset: float | None
    yoffset: float | None


class BuildPsf(TypedDict):
    """What a PSF depends on: how the exposures it is built from are laid over each other."""

    object_matching: Pointings


class MatchSources(TypedDict):
    """What a match depends on."""

    object_matching: ObjectMatching
    acceptance: MatchGate


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


class CatalogFitting(TypedDict):
    """How a fit is made."""

    fitgeometry: str
    weights: Weights
    robust_start: bool
    nclip: int
    sigma: float


class FitAlignment(TypedDict):
    """What a fit depends on."""

    catalog_fitting: CatalogFitting
    acceptance: FitGates


class Acceptance(MatchGate, FitGates):
    """What match and fit are judged by."""


class Align(TypedDict):
    """What a sequence of matches and fits depends on."""

    enforce_user_order: bool
    object_matching: ObjectMatching
    acceptance: Acceptance
    catalog_fitting: CatalogFitting


class Geometry(TypedDict):
    """What the transformation between two images may do."""

    fitgeometry: str


class MatchPair(TypedDict):
    """What the match of two images depends on."""

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
    groups: str | dict[str, Any]
    fitgeometry: str | dict[str, str] | None
    gauge: Literal["first", "mean"]
    chip_terms: Literal["none", "shift", "rshift", "rscale", "general"]
    weights: Literal["errors", "none"]
    sigma: float
    nclip: int
    priors: Priors


class SolveMosaic(TypedDict):
    """What the solution of all images depends on."""

    solution: Solution
    object_matching: ObjectMatching
    acceptance: Acceptance
    catalog_fitting: Geometry


class ResidualLook(TypedDict):
    """How residuals are drawn."""

    residplot: Literal["No plot", "vector", "residuals", "both"]
    ylimit: float | None
    labelsize: int


class PlotResiduals(TypedDict):
    """What the plots of residuals depend on."""

    catalog_fitting: ResidualLook


class Letters(TypedDict):
    """How large letters of plots are."""

    labelsize: int


class PlotPsf(TypedDict):
    """What the picture of a PSF depends on."""

    catalog_fitting: Letters


class HeaderNames(TypedDict):
    """What the new WCS is called, and where it goes."""

    wcsname: str
    reusename: bool
    in_place: bool


class Attach(TypedDict):
    """Whether a headerlet goes into the aligned copy."""

    attach: bool


class UpdateHeader(TypedDict):
    """What an aligned copy depends on."""

    update_header: HeaderNames
    headerlet_creation: Attach


class HeaderletTexts(TypedDict):
    """What a headerlet says."""

    hdrfile: str
    hdrname: str
    author: str
    descrip: str
    catalog: str


class WriteHeaderlet(TypedDict):
    """What a headerlet depends on."""

    headerlet_creation: HeaderletTexts


class ShiftfileNames(TypedDict):
    """What shift file and reference WCS are called."""

    outshifts: str
    outwcs: str


class WriteShiftfile(TypedDict):
    """What a shift file depends on."""

    shiftfile_output: ShiftfileNames
