"""The plot of the 2-D histogram from which the offset was taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.match_meta import MatchMeta, match_meta
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tweakreg_steps.matching.artifacts import Selection
    from tweakreg_steps.matching.separations import SeparationHistogram
    from tweakreg_steps.matching.source_list import SourceList


def draw_match(
    image: str, matches: ColumnTable, sky: ColumnTable, sources: ColumnTable, plane: Path
) -> Figure:
    """Draw the histogram from which the offset of an image was taken, as far as it came.

    Parameters
    ----------
    image
        What the image is called.
    matches
        Its matches.
    sky
        Its sources on the sky.
    sources
        The reference list; one that grew after the image was matched has new sources at its end.
    plane
        The reference plane, a file.
    """
    from tweakreg_steps.reporting.plots import (
        IS_REFERENCE,
        add_footer,
        describe_cure,
        draw_message,
        draw_offsets,
    )

    meta = match_meta(matches)
    if meta["status"] == "reference":
        return draw_message(title=f"{image}: offsets", message=IS_REFERENCE)
    found = histogram_of_match(image, matches, sky, sources, plane)
    edges = np.array([-0.5, 0.5]) if found is None else found.edges
    figure = draw_offsets(
        image=image,
        counts=np.zeros((1, 1)) if found is None else found.counts,
        x_edges=edges,
        y_edges=edges,
        peak=np.array(meta["offset"]) if "offset" in meta else None,
        n_peak=meta.get("n_peak", 0),
        n_expected=meta.get("n_expected", 0.0),
        tolerance=meta.get("tolerance", 1.0),
        reason=meta["reason"],
    )
    add_footer(figure, describe_cure(meta))
    return figure


def histogram_of_match(
    name: str, matches: ColumnTable, sky: ColumnTable, sources: ColumnTable, plane: Path
) -> SeparationHistogram | None:
    """Make the histogram of the sources that took part in a match, arguments as `draw_match`.

    None where it did not come to that, or the plane does not show the sources.
    """
    from tweakreg_steps.alignment.lists_on_plane import source_lists
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.matching.offset import count_separations
    from tweakreg_steps.matching.similarity import Similarity

    meta = match_meta(matches)
    if "search_radius" not in meta:
        return None
    try:
        image, reference = source_lists(
            sky,
            sources.head(meta["n_reference"]),
            plane=read_reference_plane(plane),
            image=name,
        )
    except NotAlignedError:
        return None
    selection = _taking_part(image, reference, meta)
    xy = image.xy[selection.image]
    found = meta.get("similarity")
    if found:
        xy = Similarity(np.array(found["matrix"]), np.array(found["shift"])).to_reference(xy)
    return count_separations(
        xy,
        reference.xy[selection.reference],
        searchrad=meta["search_radius"],
        tolerance=meta["tolerance"],
    )


def _taking_part(image: SourceList, reference: SourceList, meta: MatchMeta) -> Selection:
    """Choose the sources that the matching used; most of them where it failed."""
    from tweakreg_steps.matching.artifacts import find_artifacts, tiers

    artifacts = find_artifacts(
        image, reference, narrow=meta["leave_out_narrow"], fixed=meta["leave_out_fixed"]
    )
    chosen = tiers(image, reference, artifacts)
    used = [one for one in chosen if one.left_out == meta.get("left_out")]
    return (used or chosen)[-1]
