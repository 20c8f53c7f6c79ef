"""What each step consumes of a recipe: a typed dictionary a step, of sections or parts of them."""

from __future__ import annotations

from typing import TypedDict

from tweakreg_steps.sections import (
    Acceptance,
    AlignmentSections,
    Attach,
    CatalogFitting,
    Centroid,
    CoordinateFile,
    Finding,
    FitGates,
    Flags,
    Geometry,
    HeaderletTexts,
    HeaderNames,
    Letters,
    MatchGate,
    ObjectMatching,
    PairSections,
    Pointings,
    ReferenceCatalog,
    ResidualLook,
    ShiftfileNames,
    Solution,
)


class NoParameters(TypedDict):
    """A step that consumes nothing of the recipe."""


class MakeMasks(TypedDict):
    """What a mask depends on."""

    imagefindpars: Flags


class FindSources(TypedDict):
    """What a catalog depends on."""

    imagefindpars: Finding


class UndistortSources(TypedDict):
    """What a list of sources on the sky depends on."""

    imagefindpars: Centroid


class ReadCatalogs(TypedDict):
    """What a catalog made elsewhere depends on."""

    coordinate_file: CoordinateFile


class BuildReference(TypedDict):
    """What the reference list depends on."""

    reference_catalog: ReferenceCatalog


class BuildPsf(TypedDict):
    """What a PSF depends on: how the exposures it is built from are laid over each other."""

    object_matching: Pointings


class MatchSources(TypedDict):
    """What a match depends on."""

    object_matching: ObjectMatching
    acceptance: MatchGate


class FitAlignment(TypedDict):
    """What a fit depends on."""

    catalog_fitting: CatalogFitting
    acceptance: FitGates


class Align(AlignmentSections):
    """What a sequence of matches and fits depends on."""

    enforce_user_order: bool


class MatchPair(PairSections):
    """What the match of two images depends on."""


class SolveMosaic(TypedDict):
    """What the solution of all images depends on."""

    solution: Solution
    object_matching: ObjectMatching
    acceptance: Acceptance
    catalog_fitting: Geometry


class PlotResiduals(TypedDict):
    """What the plots of residuals depend on."""

    catalog_fitting: ResidualLook


class PlotPsf(TypedDict):
    """What the picture of a PSF depends on."""

    catalog_fitting: Letters


class UpdateHeader(TypedDict):
    """What an aligned copy depends on."""

    update_header: HeaderNames
    headerlet_creation: Attach


class WriteHeaderlet(TypedDict):
    """What a headerlet depends on."""

    headerlet_creation: HeaderletTexts


class WriteShiftfile(TypedDict):
    """What a shift file depends on."""

    shiftfile_output: ShiftfileNames
