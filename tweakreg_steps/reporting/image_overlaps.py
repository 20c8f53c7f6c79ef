"""What the pages of images show of those that overlap them: one script that all pages read.

Any image that changes may change how well its neighbours agree with it. A table in each page would
make the pages of all images stale with any of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.records.canonical import canonical_json
from tweakreg_steps.reporting.image_report import ImageFacts
from tweakreg_steps.reporting.observation import epoch_of
from tweakreg_steps.reporting.overlaps import describe_overlaps


def overlaps_script(images: Sequence[ImageFacts], misfits: Sequence[Misfit]) -> str:
    """Return the script that says how well images agree, two by two, in the order given.

    Parameters
    ----------
    images
        What the pages of the images say, in input order; see
        `tweakreg_steps.reporting.image_report.summarize_image`.
    misfits
        In mas, the worst first.

    Returns
    -------
    str
        JavaScript that sets ``OVERLAPS``: ``images`` with their names and whether each has a page,
        ``rows`` as `tweakreg_steps.reporting.overlaps.describe_overlaps` has them, and whether the
        two are apart beyond doubt.
    """
    found = describe_overlaps(misfits, [epoch_of(image["header"]) for image in images])
    rows = [{**row, "is_apart": pair.is_apart} for row, pair in zip(found, misfits, strict=True)]
    names = [{"image": one["image"], "has_page": one.get("is_read", True)} for one in images]
    return f"window.OVERLAPS = {canonical_json({'images': names, 'rows': rows})};"
