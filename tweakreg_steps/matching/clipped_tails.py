"""What a clip hides of the scatter of a fit.

Residuals of a normal distribution of standard deviation sigma, cut at ``+-c sigma``, have the
standard deviation ``sigma (tau / psi)^1/2`` with ``psi = P(|z| < c)`` and
``tau = E(z^2; |z| < c)``. And the fit to what is left varies by more than that, because it chose
the pairs itself: if a fit is off by b, the pairs it keeps are off by ``q b`` with
``q = 1 - tau / psi``, and with them the next fit (Johansen & Nielsen 2013, Econometrics 1, 53,
call it the iterated one-step Huber-skip estimator). So fit m is off by, with S_j the mean of the
errors that are within limit j along both axes, and S_0 that of all::

    b_m = sum over j of S_j q_j+1 q_j+2 ... q_m
    Cov(S_i, S_j) = sigma^2 tau_j psi_j / (n psi_i^2 psi_j^2),   j >= i
"""

from __future__ import annotations

import math

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.tuning import DEEPEST_CLIP, SHALLOWEST_CLIP


def clipped_tails(residuals: FloatArray, limits: FloatArray) -> FloatArray:
    """Return the factor by which a clip makes residuals too small for the error of the fit.

    Parameters
    ----------
    residuals : (n, 2) float array
        Residuals of the kept pairs.
    limits : (m, 2) float array
        Limits of the rounds that rejected pairs.

    Returns
    -------
    (2,) float array
        Along x and y; 1 where nothing was rejected.
    """
    rms = np.sqrt(np.mean(residuals**2, axis=0))
    if not len(limits) or not rms.all():
        return np.ones(2)
    return np.array([_hidden(limits[:, axis] / rms[axis]) for axis in (0, 1)])


def _hidden(ratios: FloatArray) -> float:
    """Return the factor for limits in units of the rms of what they left over."""
    last = _true_limit(float(ratios[-1]))
    cuts = [math.inf, *(last * ratios / ratios[-1])]
    psi, tau = np.array([_cut_moments(cut) for cut in cuts]).T
    pulls = 1.0 - tau / psi
    weights = np.array([np.prod(pulls[j + 1 :]) for j in range(len(cuts))])
    later = np.maximum.outer(np.arange(len(cuts)), np.arange(len(cuts)))
    covariance = (tau * psi)[later] / np.outer(psi, psi) ** 2
    shown = tau[-1] / psi[-1] ** 3
    return float(np.sqrt(weights @ covariance @ weights / shown))


def _true_limit(ratio: float) -> float:
    """Return the limit in true standard deviations of a clip at so many rms of what it left over.

    The limit c satisfies ``c (psi / tau)^1/2 = ratio``; the left side grows with c, from
    ``3^1/2`` at 0.
    """
    low, high = DEEPEST_CLIP, SHALLOWEST_CLIP
    for _ in range(40):
        middle = 0.5 * (low + high)
        psi, tau = _cut_moments(middle)
        if middle * math.sqrt(psi / tau) < ratio:
            low = middle
        else:
            high = middle
    return low


def _cut_moments(limit: float) -> tuple[float, float]:
    """Return psi and tau of a normal distribution cut at ``+-limit`` standard deviations."""
    if limit >= SHALLOWEST_CLIP:
        return 1.0, 1.0
    psi = math.erf(limit / math.sqrt(2.0))
    tau = psi - 2.0 * limit * math.exp(-0.5 * limit**2) / math.sqrt(2.0 * math.pi)
    return psi, tau
