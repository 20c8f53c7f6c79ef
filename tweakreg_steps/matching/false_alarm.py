"""False-alarm probabilities of peaks: Poisson tails and the scan over a search area."""

from __future__ import annotations

import math


def poisson_tail(count: int, mean: float) -> float:
    """Return the probability that a Poisson number is at least ``count``.

    ``P(N >= n) = gamma(n, m) / Gamma(n)``, the regularised lower incomplete gamma function.

    Parameters
    ----------
    count : int
        Least number n, >= 0.
    mean : float
        Expected number m, >= 0.

    Returns
    -------
    float
        Probability, 0 ... 1; 0.0 where it is below the smallest float.
    """
    from scipy.special import gammainc

    return float(gammainc(count, mean)) if count > 0 else 1.0


def scan_probability(
    count: int, mean: float, *, n_windows: float, n_scales: int, dimensions: int
) -> float:
    """Bound the probability that chance puts ``count`` points into some window of a space.

    The expected number of positions where a sliding window holds at least n points of a Poisson
    field is taken as ``n_windows * n_scales * (1 + n - m)^d * P(N >= n)``: a window that slides
    in d dimensions meets each excess earlier in each of them, by a factor of about n - m (Alm
    1997, Methodol. Comput. Appl. Probab. 1, 361 gives the exact forms). It is an upper limit.

    Parameters
    ----------
    count : int
        Points n found in the fullest window.
    mean : float
        Points m expected in it by chance.
    n_windows : float
        Volume searched over volume of the window.
    n_scales : int
        Number of window sizes tried.
    dimensions : int
        Dimensions d in which the window was moved; 0 where its position was given.

    Returns
    -------
    float
        Probability, 0 ... 1.
    """
    meetings = (1.0 + max(0.0, count - mean)) ** dimensions
    return -math.expm1(-n_windows * n_scales * meetings * poisson_tail(count, mean))
