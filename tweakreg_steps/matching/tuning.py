"""The numbers of matching and fitting that no physics gives: value, unit, and what settled them.

Each docstring begins with the unit, [1] for a ratio, and ends with what its value rests on: a
benchmark, simulations in a test, or the robustness scenes on which the method was settled.
`docs/tuning.md` is made of it (`python docs/make_tuning.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

# Artifacts of the detector

SAME_PIXEL = 0.3
"""[pix of the chip] Sources of two exposures as near as that are at the same
position of it. Settled by: benchmarks/cosmic_rays.py."""

MOVED = 2.0
"""[pix] A smaller step of the sky does not separate stars from
defects. Settled by: benchmarks/cosmic_rays.py."""


# The search for neighbours

PIECE = 1 << 14
"""[pairs] Candidate pairs expanded at a time: some ten arrays of 0.1 MB, which stay in cache.
Settled by: benchmarks/matching.py."""

BLOCK = 1 << 12
"""[points] Points of the first list searched at a time. Settled by: benchmarks/matching.py."""

SPACINGS_PER_ROW = 3.0
"""[mean distances] Row height in mean point distances, where bisections and surplus candidates
cost the same. Settled by: benchmarks/matching.py."""


# The histogram of separations

BIN = 0.5
"""[pix] Width of a bin, for searches up to ``BIN * MAX_HALF_SIZE``. Settled by:
tests/test_offset.py."""

MAX_HALF_SIZE = 500
"""[bins] Most bins from the histogram's centre to its edge: the bins grow with wider searches.
Settled by: benchmarks/matching.py."""

PEAK_WIDTHS = (1, 3, 5, 7, 11, 15)
"""[bins] Widths of the boxes in which a peak is looked for. Settled by: set 0 of the
robustness scenes."""

MAX_WIDTH = 41
"""[bins] Widest box: a peak wider than that is not one. Settled by: set 0 of the
robustness scenes."""

WIDER = 4
"""[bins] Bins by which the box of the second look is wider. Settled by: tests/test_offset.py."""

NEARLY = 0.8
"""[1] Part of the highest excess from which a box takes part in the second look. Settled by:
tests/test_offset.py."""

MAX_PAIRS = 1 << 26
"""[pairs] Pairs put into the histogram; with more, every n-th source of the image is enough.
Settled by: benchmarks/matching.py."""

CHANCE_SAMPLE = 5000
"""[sources] Sources that show how many pairs are by chance. Settled by: benchmarks/matching.py."""

N_PEAKS = 3
"""[peaks] Peaks of a histogram that are looked at where none is certain. Settled by: set 0 of
the robustness scenes."""

CERTAIN = 1e-9
"""[probability] Probability of a chance peak below which no other peak can be the better one.
Settled by: set 0 of the robustness scenes."""

LIKELY = 0.5
"""[probability] Probability of a chance peak below which one in the search area goes before any
beyond it. Settled by: tests/test_lattice.py."""

RIVAL_PEAK = 0.5
"""[1] Part of the best peak's cells from which another peak is its rival. Settled by: set 0 of the
robustness scenes."""

APART = 12.0
"""[pix] Pixels between peaks that are not parts of one: as wide as what a star breaks into.
Settled by: set 0 of the robustness scenes."""


# What a peak is worth

WINDOW_REACH = 3.0
"""[windows] Pairs are collected out to this many windows around the first guess of a peak.
Settled by: tests/test_offset.py."""

LEAST_WINDOW = 1.5
"""[pix] Least radius in pixels of a window: positions rounded to pixels make a plateau as wide.
Settled by: tests/test_offset.py."""

MAX_STEPS = 200
"""[steps] Most steps of the refinement, which ends long before where there is a peak. Settled by:
tests/test_offset.py."""

STILL = 1e-3
"""[pix] A step in pixels at which the refinement rests. Settled by: tests/test_offset.py."""

NARROWING = 0.55
"""[1] Ratio of a window to the one before it. Settled by: tests/test_offset.py."""

N_NARROWINGS = 4
"""[windows] How many are tried. Settled by: tests/test_offset.py."""

CELL_WIDTHS = 6.0
"""[widths] Side of a cell in widths of the peak: sources nearer than that have separations in
common. Settled by: tests/test_offset.py."""

LEAST_CELL = 12.0
"""[pix] Least side of a cell in pixels: what a bright star's image breaks into is within it.
Settled by: tests/test_offset.py."""

GRIDS: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
"""[sides] Grids of cells, in sides: what is narrower than half a side is in one cell of one of
them. Settled by: tests/test_offset.py."""


# Which overlay is taken

BRIGHT_LEVELS = (50, 200, 800, 3200)
"""[sources] Numbers of bright sources of the image among which an offset is looked for. Settled by:
set 0 of the robustness scenes."""

BRIGHT_AREA_RATIO = 100.0
"""[1] Most reference sources to one of the image in a search among bright ones. Settled by: set 0
of the robustness scenes."""

RETURNING = 5.0
"""[1] Sources left out come back where they make this many times the pairs that chance would.
Settled by: set 0 of the robustness scenes."""

BRIGHTNESS_AGREEMENT = 4.0
"""[standard deviations] Standard deviations by which the brightness of pairs must agree where
other offsets rival. Settled by: set 1 of the robustness scenes (567)."""

FEW_PAIRED = 0.5
"""[1] Part of the sources that may be without a pair before triangles are asked for more.
Settled by: set 0 of the robustness scenes."""

FAR_MORE = 1.5
"""[1] Triangles are preferred to the histogram if they explain so many times its pairs. Settled by:
set 0 of the robustness scenes."""


# Lattices

AS_GOOD = 0.5
"""[1] Part of the pairs from which another shift is as good: that of 2 x 2 sources by one step.
Settled by: benchmarks/few_pairs.py."""

LEAST_REPEATS = 2
"""[pairs] Pairs that a shift must bring: any single pair of sources is brought by some shift.
Settled by: benchmarks/few_pairs.py."""

LATTICE_FALSE_ALARM = 1e-3
"""[probability] Largest false-alarm probability of a shift that is more than chance. Settled by:
benchmarks/few_pairs.py."""

LATTICE_STEPS = 3.5
"""[mean distances] How far shifts are looked for, in mean distances of two sources: three steps
of a lattice. Settled by: benchmarks/few_pairs.py."""

LATTICE_SOURCES = 3000
"""[sources] Matched sources that are looked at, those in the middle of the field; with all of
100,000 a match would take twice as long. Settled by: benchmarks/matching.py."""

LATTICE_PAIRS = 400_000
"""[pairs] Most pairs of two lists whose separations are looked at, about: shifts are looked for
less far where one list is far denser; it bounds memory. Settled by: benchmarks/matching.py."""

LATTICE_SAMPLE = 1000
"""[sources] Sources of the first list whose separations are looked at: some 40,000 separations.
Settled by: benchmarks/few_pairs.py."""

LATTICE_PROBES = 1000
"""[separations] Separations around which others are counted; those of a lattice are each in many
of them. Settled by: benchmarks/few_pairs.py."""


# Triangles

N_TRIANGLES = 20_000
"""[triangles] About how many triangles are made of a list: it bounds memory and time. Settled by:
set 0 of the robustness scenes."""

LEAST_NEIGHBOURS = 4
"""[sources] Least number of neighbours with which a source makes triangles. Settled by: set 0 of
the robustness scenes."""

LIKE_SHAPE = 0.006
"""[1] Largest difference of the side ratios of triangles that look alike. Settled by: set 0 of the
robustness scenes."""

LEAST_HEIGHT = 0.15
"""[1] Least height of a triangle over its longest side: flatter ones have no orientation.
Settled by: set 0 of the robustness scenes."""

DISTINCT_SIDES = 0.03
"""[1] Least difference of two side ratios: otherwise it is not clear which vertex is which.
Settled by: set 0 of the robustness scenes."""

MAX_SCALE_ERROR = 0.06
"""[1] Largest difference of the scales, as a fraction. Settled by: the promise of
object_matching.method."""

MAX_ALIKE = 300_000
"""[pairs of triangles] Pairs of like triangles that are looked at; sources on a grid make any
number of them. Settled by: set 0 of the robustness scenes."""

TRANSFORMATION_PROBES = 20_000
"""[transformations] Transformations at which others are looked for that agree. Settled by: set 0 of
the robustness scenes."""

AGREEING = 0.012
"""[rad, 1, field radii] Rotations (in radians), scales and shifts (over the field's radius) that
agree differ by less. Settled by: set 0 of the robustness scenes."""

TRIANGLE_LEVELS = (40, 150, 600, 2400)
"""[sources] Numbers of bright sources of the image that are tried. Settled by: set 0 of the
robustness scenes."""

TRIANGLE_AREA_RATIO = 8.0
"""[1] Most reference sources to one of the image that make triangles: memory is bounded by it.
Settled by: set 0 of the robustness scenes."""

N_HYPOTHESES = 4
"""[transformations] Transformations of a level that are looked at, those on which most triangles
agree. Settled by: set 0 of the robustness scenes."""

TRIANGLE_REACH = 2.0
"""[field radii] Distance from the image's centre, over its radius, of the sources of a large
reference. Settled by: set 0 of the robustness scenes."""

SPARSE_RADIUS = 0.25
"""[mean distances] Largest matching radius of the refinement over the distance of two sources.
Settled by: set 0 of the robustness scenes."""

LEAST_REFINING_PAIRS = 3
"""[pairs] Fewer pairs do not refine a transformation. Settled by: set 0 of the robustness
scenes."""

RIVAL_TRANSFORMATION = 0.5
"""[1] Part of the best transformation's pairs from which another one is its rival. Settled by: set
0 of the robustness scenes."""

DISTINCT_TRANSFORMATION = 10.0
"""[tolerances] Tolerances by which different transformations carry a corner of the field apart.
Settled by: set 0 of the robustness scenes."""

CORE_WIDTH = 4.0
"""[tolerances] Width over the tolerance of the peak that pairs make once the transformation is
right. Settled by: set 0 of the robustness scenes."""


# The fit

LEAST_ELONGATION = 1e-4
"""[1] Least ratio of width to length of the field of pairs: noise alone makes a line this wide.
Settled by: tests/test_fitting.py."""

LEAST_EXTENT = 1e-6
"""[pix] Least rms distance in pixels of the positions from their mean for a rotation or scale.
Settled by: rounding of double precision."""

LEAST_AFTER_CLIP = 3
"""[pairs] A clipping round that would leave fewer pairs is not done. Settled by: TweakReg."""

NEVER_CLIPPED = 1e-9
"""[pix] Residuals in pixels that are rounding, not error: a perfect fit rejects nothing.
Settled by: rounding of double precision."""

WEIGHT_ROUNDS = 2
"""[fits] Fits with weights taken from the residuals of the fit before; the second hardly differs.
Settled by: tests/test_weights.py."""

DEEPEST_CLIP = 1.0
"""[standard deviations] What is cut below has lost all trace of its tails. Settled by:
tests/test_uncertainty.py."""

SHALLOWEST_CLIP = 10.0
"""[standard deviations] What is cut above has no tails. Settled by: tests/test_uncertainty.py."""

LEAST_ROBUST_PAIRS: Mapping[str, int] = {"shift": 10, "rshift": 10, "rscale": 10, "general": 18}
"""[pairs] With fewer pairs a majority of them agrees by chance. Of 3,000 simulated fits without
wrong pairs 2 begin here with ``rscale`` and 10 pairs, 5 with ``general`` and 15, none with 18.
Settled by: 3,000 simulated fits."""

ROBUST_ROUNDING = 1e-7
"""[pix] Pixels; distances of pairs that agree but for rounding. Settled by: rounding of double
precision."""

ROBUST_ROUNDS = 50
"""[fits] Most fits; they settle long before. Settled by: tests/test_robust_start.py."""

ROBUST_SETTLED = 1e-3
"""[median distances] Part of the median distance by which the distances still change when the
rounds end. Settled by: tests/test_robust_start.py."""

LEAST_PULLING = 1e-3
"""[median distances] Part of the median distance below which pairs do not pull any harder.
Settled by: tests/test_robust_start.py."""

PLAINLY_BETTER = 2.0
"""[1] The robust start counts where the median distance of all n pairs falls by this part, over
n^1/2: by three times as much as it would by chance in pairs of which none is wrong. Settled by:
tests/test_robust_start.py."""

FEW_PAIRS = 6.0
"""[pairs] The standard error of n pairs is widened by this over n: few pairs tell their scatter
badly. Settled by: tests/test_geometry_choice.py."""

N_FOLDS = 10
"""[parts] Parts of the pairs; with fewer pairs each is a part of its own. Settled by:
tests/test_geometry_choice.py."""

FLOOR_SPAN = 1.0e4
"""[1] How far the floors tried reach beyond the smallest and the largest expected error.
Settled by: tests/test_weights.py."""

FLOOR_STEPS = 41
"""[floors] Floors tried: a quarter of a decade apart for errors that span two decades. Settled by:
tests/test_weights.py."""

MINORITY = 0.2
"""[1] Part of all pairs up to which those thrown away are outliers. Of 255 fits of the robustness
scenes none throws away more than 0.09. Settled by: 255 fits of set 1 of the robustness scenes."""

DISSENT_FALSE_ALARM = 1e-3
"""[probability] Largest probability with which pairs that agree with the fit but for their
scatter count. Settled by: tests/test_uncertainty.py."""
