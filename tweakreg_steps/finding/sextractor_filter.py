"""The convolution filter with which SExtractor looks for sources."""

from __future__ import annotations

import numpy as np

from tweakreg_steps.finding.daofind_kernel import make_kernel


def filter_text(*, conv_width: float, nsigma: float, ratio: float, theta: float) -> str:
    """Return the file of a convolution filter: the Gaussian of DAOFIND, cut in the same way.

    Parameters
    ----------
    conv_width, nsigma, ratio, theta
        See `tweakreg_steps.finding.daofind_kernel.make_kernel`.
    """
    kernel = make_kernel(conv_width=conv_width, nsigma=nsigma, ratio=ratio, theta=theta)
    rows = np.where(kernel.support, kernel.gaussian, 0.0)
    lines = [" ".join(f"{value:.8f}" for value in row) for row in rows]
    return "\n".join(["CONV NORM", f"# Gaussian, FWHM {conv_width:g} pixels", *lines]) + "\n"
