"""The numbers of matching and fitting that no physics gives: value, unit, and what settled them.

Each docstring begins with the unit, [1] for a ratio, and ends with what its value rests on: a
benchmark, simulations in a test, or the robustness scenes on which the method was settled.
`docs/tuning.md` is made of it (`python docs/make_tuning.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

# Artifacts of the detector

SAME_PIXEL = 0.3
"""[pix of the chip] Sources of two exposures that are this close are at the same position of the
detector. Settled by: benchmarks/cosmic_rays.py."""

MOVED = 2.0
"""[pix] If the pointings differ by less than this, stars cannot be told from defects of the
detector. Settled by: benchmarks/cosmic_rays.py."""


# The search for neighbours

PIECE = 1 << 14
"""[pairs] Number of candidate pairs processed at a time: about ten arrays of 0.1 MB, which stay
in the cache. Settled by: benchmarks/matching.py."""

BLOCK = 1 << 12
"""[points] Number of points of the first list processed at a time. Settled by:
benchmarks/matching.py."""

SPACINGS_PER_ROW = 3.0
"""[mean distances] Height of a row in mean distances between points, at which bisections and
surplus candidates cost the same. Settled by: benchmarks/matching.py."""


# The histogram of separations

BIN = 0.5
"""[pix] Width of a bin, for searches up to ``BIN * MAX_HALF_SIZE``. Settled by:
tests/test_offset.py."""

MAX_HALF_SIZE = 500
"""[bins] Largest number of bins from the centre of the histogram to its edge; for wider searches
the bins grow. Settled by: benchmarks/matching.py."""

PEAK_WIDTHS = (1, 3, 5, 7, 11, 15)
"""[bins] Widths of the boxes in which a peak is looked for. Settled by: set 0 of the robustness
scenes."""

MAX_WIDTH = 41
"""[bins] Width of the widest box: anything wider is not regarded as a peak. Settled by: set 0 of
the robustness scenes."""

WIDER = 4
"""[bins] Number of bins by which the box of the second look is wider. Settled by:
tests/test_offset.py."""

NEARLY = 0.8
"""[1] Boxes whose excess is at least this fraction of the highest one take part in the second
look. Settled by: tests/test_offset.py."""

MAX_PAIRS = 1 << 26
"""[pairs] Largest number of pairs in the histogram; if there are more, only every n-th source of
the image is used. Settled by: benchmarks/matching.py."""

CHANCE_SAMPLE = 5000
"""[sources] Number of sources from which the number of chance pairs is estimated. Settled by:
benchmarks/matching.py."""

N_PEAKS = 3
"""[peaks] Number of peaks of a histogram that are examined if none is certain. Settled by: set 0
of the robustness scenes."""

CERTAIN = 1e-9
"""[probability] If the probability that a peak is due to chance is below this, no other peak can
be better. Settled by: set 0 of the robustness scenes."""

LIKELY = 0.5
"""[probability] If the probability that a peak within the search area is due to chance is below
this, it takes precedence over any peak outside. Settled by: tests/test_lattice.py."""

RIVAL_PEAK = 0.5
"""[1] Another peak is a rival if it has at least this fraction of the cells of the best one.
Settled by: set 0 of the robustness scenes."""

APART = 12.0
"""[pix] Peaks this far apart are not parts of the same peak: a star can break up into sources
over this distance. Settled by: set 0 of the robustness scenes."""


# What a peak is worth

WINDOW_REACH = 3.0
"""[windows] Pairs are collected out to this many windows from the first guess of a peak. Settled
by: tests/test_offset.py."""

LEAST_WINDOW = 1.5
"""[pix] Smallest radius of a window: positions rounded to pixels give a plateau of this width.
Settled by: tests/test_offset.py."""

MAX_STEPS = 200
"""[steps] Largest number of steps of the refinement; where there is a peak, it ends long before.
Settled by: tests/test_offset.py."""

STILL = 1e-3
"""[pix] The refinement ends when a step is smaller than this. Settled by:
tests/test_offset.py."""

NARROWING = 0.55
"""[1] Ratio of the radius of each window to that of the previous one. Settled by:
tests/test_offset.py."""

N_NARROWINGS = 4
"""[windows] Number of ever narrower windows that are tried. Settled by: tests/test_offset.py."""

CELL_WIDTHS = 6.0
"""[widths] Side of a cell in widths of the peak: sources closer to each other than this have
separations in common. Settled by: tests/test_offset.py."""

LEAST_CELL = 12.0
"""[pix] Smallest side of a cell: the sources into which a bright star breaks up lie within it.
Settled by: tests/test_offset.py."""

GRIDS: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
"""[sides] Offsets of the grids of cells, in sides of a cell: anything smaller than half a side
lies within one cell of at least one grid. Settled by: tests/test_offset.py."""


# Which overlay is taken

BRIGHT_LEVELS = (50, 200, 800, 3200)
"""[sources] Numbers of the brightest sources of the image with which an offset is looked for.
Settled by: set 0 of the robustness scenes."""

BRIGHT_AREA_RATIO = 100.0
"""[1] Largest number of reference sources per source of the image in a search among bright
sources. Settled by: set 0 of the robustness scenes."""

RETURNING = 5.0
"""[1] Sources that were left out are used again if they make this many times the number of pairs
expected by chance. Settled by: set 0 of the robustness scenes."""

BRIGHTNESS_AGREEMENT = 4.0
"""[standard deviations] If there are rival offsets, the brightnesses of a pair must agree within
this. Settled by: set 1 of the robustness scenes (567)."""

FEW_PAIRED = 0.5
"""[1] If more than this fraction of the sources has no counterpart, triangles are tried as well.
Settled by: set 0 of the robustness scenes."""

FAR_MORE = 1.5
"""[1] Triangles are preferred to the histogram if they explain this many times as many pairs.
Settled by: set 0 of the robustness scenes."""


# Lattices

AS_GOOD = 0.5
"""[1] Another shift is as good if it gives this fraction of the pairs, as the shift of 2 x 2
sources by one step does. Settled by: benchmarks/few_pairs.py."""

LEAST_REPEATS = 2
"""[pairs] Smallest number of pairs of a shift: for any pair of sources there is a shift that
gives this one pair. Settled by: benchmarks/few_pairs.py."""

LATTICE_FALSE_ALARM = 1e-3
"""[probability] Largest false-alarm probability of a shift that counts as more than chance.
Settled by: benchmarks/few_pairs.py."""

LATTICE_STEPS = 3.5
"""[mean distances] Largest shift that is examined, in mean distances between sources: three steps
of a lattice. Settled by: benchmarks/few_pairs.py."""

LATTICE_SOURCES = 3000
"""[sources] Number of matched sources that are examined, those in the middle of the field; with
all 100,000 a match would take twice as long. Settled by: benchmarks/matching.py."""

LATTICE_PAIRS = 400_000
"""[pairs] Approximate limit to the number of pairs of two lists whose separations are examined,
which limits memory: where one list is far denser, only smaller shifts are examined. Settled by:
benchmarks/matching.py."""

LATTICE_SAMPLE = 1000
"""[sources] Number of sources of the first list whose separations are examined: about 40,000
separations. Settled by: benchmarks/few_pairs.py."""

LATTICE_PROBES = 1000
"""[separations] Number of separations around which others are counted; each separation of a
lattice is counted around many of them. Settled by: benchmarks/few_pairs.py."""


# Triangles

N_TRIANGLES = 20_000
"""[triangles] Approximate number of triangles made from a list, which limits memory and time.
Settled by: set 0 of the robustness scenes."""

LEAST_NEIGHBOURS = 4
"""[sources] Smallest number of neighbours with which a source forms triangles. Settled by: set 0
of the robustness scenes."""

LIKE_SHAPE = 0.006
"""[1] Largest difference between the side ratios of similar triangles. Settled by: set 0 of the
robustness scenes."""

LEAST_HEIGHT = 0.15
"""[1] Smallest ratio of the height of a triangle to its longest side: flatter ones have no
orientation. Settled by: set 0 of the robustness scenes."""

DISTINCT_SIDES = 0.03
"""[1] Smallest difference between two side ratios: if they are closer, the vertices cannot be
told apart. Settled by: set 0 of the robustness scenes."""

MAX_SCALE_ERROR = 0.06
"""[1] Largest difference between the scales, as a fraction. Settled by: the promise of
object_matching.method."""

MAX_ALIKE = 300_000
"""[pairs of triangles] Largest number of pairs of similar triangles that are examined; sources on
a grid have any number of them. Settled by: set 0 of the robustness scenes."""

TRANSFORMATION_PROBES = 20_000
"""[transformations] Number of transformations for each of which the agreeing ones are counted.
Settled by: set 0 of the robustness scenes."""

AGREEING = 0.012
"""[rad, 1, field radii] Two transformations agree if their rotations (rad), scales and shifts (in
field radii) differ by less than this. Settled by: set 0 of the robustness scenes."""

TRIANGLE_LEVELS = (40, 150, 600, 2400)
"""[sources] Numbers of the brightest sources of the image that are tried. Settled by: set 0 of
the robustness scenes."""

TRIANGLE_AREA_RATIO = 8.0
"""[1] Largest number of reference sources per source of the image from which triangles are made;
it limits memory. Settled by: set 0 of the robustness scenes."""

N_HYPOTHESES = 4
"""[transformations] Number of transformations examined at each level, those on which most
triangles agree. Settled by: set 0 of the robustness scenes."""

TRIANGLE_REACH = 2.0
"""[field radii] Sources of a large reference are used out to this distance from the centre of the
image, in radii of the image. Settled by: set 0 of the robustness scenes."""

SPARSE_RADIUS = 0.25
"""[mean distances] Largest matching radius of the refinement, in mean distances between sources.
Settled by: set 0 of the robustness scenes."""

LEAST_REFINING_PAIRS = 3
"""[pairs] With fewer pairs a transformation is not refined. Settled by: set 0 of the robustness
scenes."""

RIVAL_TRANSFORMATION = 0.5
"""[1] Another transformation is a rival if it has at least this fraction of the pairs of the best
one. Settled by: set 0 of the robustness scenes."""

DISTINCT_TRANSFORMATION = 10.0
"""[tolerances] Transformations are different if they move a corner of the field to positions that
are this many tolerances apart. Settled by: set 0 of the robustness scenes."""

CORE_WIDTH = 4.0
"""[tolerances] Width of the peak that the pairs form when the transformation is right, in
tolerances. Settled by: set 0 of the robustness scenes."""


# The fit

LEAST_ELONGATION = 1e-4
"""[1] Smallest ratio of width to length of the field covered by pairs: noise alone makes a line
this wide. Settled by: tests/test_fitting.py."""

LEAST_EXTENT = 1e-6
"""[pix] Smallest rms distance of the positions from their mean for which a rotation or a scale is
fitted. Settled by: rounding of double precision."""

LEAST_AFTER_CLIP = 3
"""[pairs] A clipping iteration that would leave fewer pairs is not carried out. Settled by:
TweakReg."""

NEVER_CLIPPED = 1e-9
"""[pix] Residuals smaller than this are rounding errors: in a perfect fit nothing is clipped.
Settled by: rounding of double precision."""

WEIGHT_ROUNDS = 2
"""[fits] Number of fits with weights estimated from the residuals of the previous fit; the second
one changes little. Settled by: tests/test_weights.py."""

DEEPEST_CLIP = 1.0
"""[standard deviations] If the clipping limit is lower than this, nothing is left of the tails of
the distribution. Settled by: tests/test_uncertainty.py."""

SHALLOWEST_CLIP = 10.0
"""[standard deviations] If the clipping limit is higher than this, the distribution has no tails.
Settled by: tests/test_uncertainty.py."""

LEAST_ROBUST_PAIRS: Mapping[str, int] = {"shift": 10, "rshift": 10, "rscale": 10, "general": 18}
"""[pairs] With fewer pairs, a majority can agree by chance. Of 3,000 simulated fits without wrong
pairs, the robust start was used in 2 with ``rscale`` and 10 pairs, in 5 with ``general`` and 15
pairs, and in none with 18. Settled by: 3,000 simulated fits."""

ROBUST_ROUNDING = 1e-7
"""[pix] Distances of pairs that agree except for rounding errors. Settled by: rounding of double
precision."""

ROBUST_ROUNDS = 50
"""[fits] Largest number of fits; they converge long before. Settled by:
tests/test_robust_start.py."""

ROBUST_SETTLED = 1e-3
"""[median distances] The iteration ends when the distances change by less than this fraction of
the median distance. Settled by: tests/test_robust_start.py."""

LEAST_PULLING = 1e-3
"""[median distances] Pairs closer than this fraction of the median distance do not gain any more
weight. Settled by: tests/test_robust_start.py."""

PLAINLY_BETTER = 2.0
"""[1] The robust start is used if it reduces the median distance of all n pairs by this fraction
divided by n^1/2, which is three times the reduction expected by chance if no pair is wrong.
Settled by: tests/test_robust_start.py."""

FEW_PAIRS = 6.0
"""[pairs] The standard error of n pairs is increased by this over n, because the scatter of few
pairs is uncertain. Settled by: tests/test_geometry_choice.py."""

N_FOLDS = 10
"""[parts] Number of parts into which the pairs are divided; if there are fewer pairs, each is a
part of its own. Settled by: tests/test_geometry_choice.py."""

FLOOR_SPAN = 1.0e4
"""[1] Factor by which the trial error floors extend beyond the smallest and the largest expected
error. Settled by: tests/test_weights.py."""

FLOOR_STEPS = 41
"""[floors] Number of trial error floors: a quarter of a decade apart for errors that span two
decades. Settled by: tests/test_weights.py."""

MINORITY = 0.2
"""[1] Rejected pairs count as outliers if they are at most this fraction of all pairs. In 255
fits of the robustness scenes the fraction was never larger than 0.09. Settled by: 255 fits of set
1 of the robustness scenes."""

DISSENT_FALSE_ALARM = 1e-3
"""[probability] Rejected pairs are taken to disagree with the fit if scatter alone would explain
their difference with at most this probability. Settled by: tests/test_uncertainty.py."""
