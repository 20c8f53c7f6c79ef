"""From lists of sources to a mosaic: overlaps, matches of pairs, closures, stars, the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import mosaics
import numpy as np
import pytest
import strips

from tweakreg_steps.alignment.overlap import NO_HULL, hull_of
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.sections import ObjectMatching
from tweakreg_steps.solving.closures import check_edges
from tweakreg_steps.solving.joining import join_pairs
from tweakreg_steps.solving.mosaic import AlignedMosaic, align_mosaic
from tweakreg_steps.solving.mosaic_input import Exposures, Reference, Settings
from tweakreg_steps.solving.overlaps import Overlap, choose_pairs, find_overlaps
from tweakreg_steps.solving.pair_match import Edge, match_pair

MATCHING: ObjectMatching = {**strips.MATCHING, "searchrad": 10.0}
SETTINGS = Settings(
    method="simultaneous",
    gauge="first",
    sigma=5.0,
    nclip=20,
    fit_factors=False,
    fitgeometry="rshift",
    matching=MATCHING,
    pixel_scale=0.1,
    max_false_alarm=1e-3,
)


def match(scene: mosaics.Scene, pairs: Sequence[tuple[int, int]]) -> list[Edge]:
    lists, _ = scene.lists()
    return [
        match_pair(
            i,
            j,
            (lists[i], lists[j]),
            matching=MATCHING,
            pixel_scale=0.1,
            max_false_alarm=1e-3,
            geometry="rshift",
        )
        for i, j in pairs
    ]


def exposures_of(scene: mosaics.Scene) -> Exposures:
    lists, errors = scene.lists()
    n = scene.n
    return Exposures(
        lists,
        errors,
        np.arange(n),
        ["rshift"] * n,
        [mosaics.NO_PRIORS] * n,
        np.zeros(n, dtype=bool),
        np.zeros(n, dtype=int),
    )


def reference_of(scene: mosaics.Scene) -> Reference:
    return Reference(SourceList.of_positions(scene.catalog.xy), scene.catalog.covariance)


def align(
    scene: mosaics.Scene,
    edges: Sequence[Edge],
    *,
    reference: Reference | Literal["catalog"] | None = "catalog",
    exposures: Exposures | None = None,
    **changes: Any,  # noqa: ANN401
) -> AlignedMosaic:
    catalog = reference_of(scene) if reference == "catalog" else reference
    of = exposures or exposures_of(scene)
    return align_mosaic(of, edges, catalog, replace(SETTINGS, **changes))


def _next(n: int, step: int = 1) -> list[tuple[int, int]]:
    return [(i, i + step) for i in range(n - step)]


def _false(edge: Edge, rng: np.random.Generator) -> Edge:
    """Return an edge as a match of unrelated sources makes it, that looks perfect."""
    rows = np.column_stack([edge.rows[:, 0], np.roll(edge.rows[:, 1], 5)])
    return replace(edge, rows=rows, shift=edge.shift + rng.uniform(4.0, 9.0, 2), chance=1e-4)


def _field(ra: float, dec: float, size: float = 0.05) -> tuple[FloatArray, FloatArray]:
    """Return the corners of a square field on the sky, degrees, wherever it is."""
    a, d = np.radians([ra, dec])
    out = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    east, north = np.array([-np.sin(a), np.cos(a), 0.0]), np.array(
        [-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)]
    )  # fmt: skip
    half = np.tan(np.radians(size / 2))
    corners = [out + half * (x * east + y * north) for x in (-1, 1) for y in (-1, 1)]
    x, y, z = np.array(corners).T
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


@pytest.mark.parametrize(("ra", "dec"), [(10.0, 20.0), (0.0, 0.0), (45.0, 35.2644), (0.0, 89.99),
                                         (123.0, -90.0), (359.99, 60.0)])  # fmt: skip
def test_neighbours_overlap_wherever_they_are(ra: float, dec: float) -> None:
    """0h, a pole, and an edge and a corner of the cube, are places like all others."""
    step = 0.04
    if abs(dec) > 89.0:
        fields = [_field(turn, np.sign(dec) * (90.0 - 0.028)) for turn in (0.0, 90.0, 180.0, 270.0)]
        expected = {(0, 1), (1, 2), (2, 3), (0, 3)}
    else:
        fields = [_field(ra + k * step / np.cos(np.radians(dec)), dec) for k in range(-1, 2)]
        expected = {(0, 1), (1, 2)}
    far = _field(ra + 120.0, -dec / 2)
    found = find_overlaps([hull_of(*f) for f in [*fields, far]], margin=1.0)
    assert {(pair.one, pair.other) for pair in found} == expected
    assert all(pair.area > 0.0 for pair in found)


def test_fields_that_only_a_wrong_header_parts_are_neighbours() -> None:
    hulls = [hull_of(*_field(10.0, 60.0)), hull_of(*_field(10.0 + 0.0504 / 0.5, 60.0)), NO_HULL]
    assert not find_overlaps(hulls, margin=0.3)
    assert [(p.one, p.other, p.area) for p in find_overlaps(hulls, margin=3.0)] == [(0, 1, 0.0)]


def test_a_field_visited_often_is_not_matched_in_all_pairs() -> None:
    n = 60
    pairs = [Overlap(i, j, 100.0) for i in range(n) for j in range(i + 1, n)]
    chosen = choose_pairs(pairs, n, most=6)
    assert len(chosen) < 6 * n
    reached = {0}
    for pair in sorted(chosen, key=lambda p: p.one):
        if pair.one in reached:
            reached.add(pair.other)
    assert len(reached) == n
    assert find_triangles_exist(chosen)


def find_triangles_exist(pairs: Sequence[Overlap]) -> bool:
    known = {(p.one, p.other) for p in pairs}
    return any((a, c) in known for a, b in known for b2, c in known if b == b2)


def test_what_connects_the_mosaic_is_never_left_out() -> None:
    pairs = [Overlap(0, 1, 9.0), Overlap(0, 2, 9.0), Overlap(1, 2, 9.0), Overlap(2, 3, 0.1)]
    assert pairs[3] in choose_pairs(pairs, 4, most=1)


def test_two_exposures_without_common_stars_are_no_match() -> None:
    scene = mosaics.draw(np.random.default_rng(1), np.zeros((2, 2)), density=300)
    lists, _ = scene.lists()
    other = SourceList.of_positions(np.random.default_rng(2).uniform(0, mosaics.SIZE, (300, 2)))
    edge = match_pair(
        0, 1, (lists[0], other), matching=MATCHING, pixel_scale=0.1, max_false_alarm=1e-3,
        geometry="rshift",
    )  # fmt: skip
    assert not edge.is_match
    assert edge.chance > 1e-3


def test_an_edge_carries_places_of_the_one_to_the_other() -> None:
    scene = mosaics.draw(np.random.default_rng(3), mosaics.strip_corners(2, 0.5), rotation=1e-3)
    edge = match(scene, [(0, 1)])[0]
    place = scene.detected(0, np.array([[700.0, 300.0]]))
    assert edge.carry(place) == pytest.approx(
        scene.detected(1, np.array([[700.0, 300.0]])), abs=0.02
    )


@pytest.mark.parametrize("rotation", [1e-4, 5e-3])
def test_true_edges_close(rotation: float) -> None:
    scene = mosaics.draw(
        np.random.default_rng(4), mosaics.grid_corners(4, 2, 0.4), rotation=rotation
    )
    edges = match(scene, grid_pairs(4, 2))
    verdict = check_edges(edges, n_exposures=8, tolerance=1.0)
    assert not verdict.rejected
    assert len(verdict.triangles) > 8
    assert not verdict.unchecked


def grid_pairs(columns: int, rows: int) -> list[tuple[int, int]]:
    at = [(i, j) for j in range(rows) for i in range(columns)]
    return [
        (a, b)
        for a, (i, j) in enumerate(at)
        for b, (k, m) in enumerate(at)
        if a < b and max(abs(i - k), abs(j - m)) == 1
    ]


def test_a_false_pair_is_named_by_its_triangles() -> None:
    scene = mosaics.draw(np.random.default_rng(5), mosaics.grid_corners(4, 2, 0.4))
    edges = match(scene, grid_pairs(4, 2))
    edges[3] = _false(edges[3], np.random.default_rng(6))
    verdict = check_edges(edges, n_exposures=8, tolerance=1.0)
    assert [r.edge for r in verdict.rejected] == [3]
    assert "over a third exposure" in verdict.rejected[0].why


def _squares(columns: int) -> list[tuple[int, int]]:
    """Pairs of a grid of two rows without those over corners: it has rings, but no triangles."""
    return [
        (a, b)
        for a, b in grid_pairs(columns, 2)
        if b - a == columns or a // columns == b // columns
    ]


@pytest.mark.parametrize("place", [0, 1, 4, 7])
def test_a_false_pair_in_no_triangle_is_named_by_the_other_ways(place: int) -> None:
    scene = mosaics.draw(np.random.default_rng(7), mosaics.grid_corners(4, 2), rotation=2e-3)
    edges = match(scene, _squares(4))
    assert not check_edges(edges, n_exposures=8, tolerance=1.0).rejected
    edges[place] = _false(edges[place], np.random.default_rng(8))
    verdict = check_edges(edges, n_exposures=8, tolerance=1.0)
    assert [r.edge for r in verdict.rejected] == [place]
    assert "other ways" in verdict.rejected[0].why


def test_edges_in_no_ring_are_said_to_be_unchecked() -> None:
    scene = mosaics.draw(np.random.default_rng(9), mosaics.strip_corners(4))
    verdict = check_edges(match(scene, _next(4)), n_exposures=4, tolerance=1.0)
    assert list(verdict.unchecked) == [0, 1, 2]


def test_sources_common_to_many_pairs_are_one_star() -> None:
    scene = mosaics.draw(np.random.default_rng(10), np.zeros((5, 2)), density=40)
    edges = match(scene, [(i, j) for i in range(5) for j in range(i + 1, 5)])
    sizes = [int(np.sum(scene.detections.unit == i)) for i in range(5)]
    joined = join_pairs(edges, sizes)
    assert len(np.unique(joined.star)) == sizes[0]
    truth = scene.detections.star
    assert all(len(set(truth[joined.star == s])) == 1 for s in np.unique(joined.star))


def test_a_false_pair_of_sources_does_not_join_two_stars() -> None:
    scene = mosaics.draw(np.random.default_rng(11), np.zeros((3, 2)), density=40)
    edges = match(scene, [(0, 1), (0, 2), (1, 2)])
    rows = edges[2].rows.copy()
    rows[[4, 9], 1] = rows[[9, 4], 1]
    distance = edges[2].distance.copy()
    distance[[4, 9]] = 0.9
    edges[2] = replace(edges[2], rows=rows, distance=distance)
    joined = join_pairs(edges, [int(np.sum(scene.detections.unit == i)) for i in range(3)])
    assert joined.n_refused == 2
    truth = scene.detections.star
    assert all(len(set(truth[joined.star == s])) == 1 for s in np.unique(joined.star))


@pytest.mark.parametrize("method", ["simultaneous", "relative_absolute"])
def test_a_sparse_strip_is_aligned_from_its_lists(method: str) -> None:
    scene = mosaics.draw(np.random.default_rng(12), mosaics.strip_corners(12))
    found = align(scene, match(scene, _next(12)), method=method)
    limit = {"simultaneous": 0.02, "relative_absolute": 0.1}[method]
    assert mosaics.rms(scene.errors(found.solution)) < limit
    assert mosaics.rms(scene.seams(found.solution, _next(12))) < 0.012
    assert found.matches[0].chance < 1e-6
    assert len(found.reference) > 50
    assert found.relative.parts[0].held == "shift, rotation of its first unit held"
    assert found.solution.parts[0].held == ""
    assert found.solution.parts[0].n_reference == found.solution.kept_reference.sum() > 50


def test_what_the_relative_solution_found_stays_beside_the_absolute_one() -> None:
    scene = mosaics.draw(np.random.default_rng(13), mosaics.grid_corners(3, 2), catalog_noise=0.3)
    found = align(scene, match(scene, grid_pairs(3, 2)))
    relative = np.sqrt(found.relative.covariances.relative[:, 0, 0])
    absolute = np.sqrt(found.solution.covariances.of_units[:, 0, 0])
    assert (relative < 0.01).all()
    assert (absolute > 0.02).all()
    assert found.solution.scatter.floor[0] < 0.01


def test_a_false_pair_does_not_bend_the_mosaic() -> None:
    scene = mosaics.draw(np.random.default_rng(14), mosaics.grid_corners(4, 2, 0.4))
    edges = match(scene, grid_pairs(4, 2))
    clean = align(scene, edges)
    edges[5] = _false(edges[5], np.random.default_rng(15))
    spoilt = align(scene, edges)
    assert len(spoilt.verdict.rejected) == 1
    gap = scene.errors(spoilt.solution) - scene.errors(clean.solution)
    claimed = np.sqrt(clean.solution.covariances.of_units[:, 0, 0]).max()
    assert np.abs(gap).max() < 4.0 * claimed


def test_stars_that_move_between_exposures_do_not_bend_the_mosaic() -> None:
    """A cluster before a still field: half of the stars are 0.3 pixels on in one exposure."""
    scene = mosaics.draw(np.random.default_rng(30), np.zeros((3, 2)), n_catalog=150)
    d = scene.detections
    moving = np.arange(len(scene.stars)) % 2 == 0
    late = d.unit == 2
    xy = d.xy + 0.3 * (late & moving[d.star])[:, None]
    scene = replace(scene, detections=replace(d, xy=xy))
    moves = np.zeros((3, len(scene.catalog), 2))
    moves[2, moving[scene.catalog.star]] = 0.3
    edges = match(scene, [(0, 1), (0, 2), (1, 2)])
    known = align(scene, edges, reference=replace(reference_of(scene), moves=moves))
    unknown = align(scene, edges)
    assert np.abs(scene.errors(known.solution)[2]).max() < 0.01
    assert np.abs(scene.errors(unknown.solution)[2]).max() > 0.03


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_fifth_of_false_pairs_changes_nothing_beyond_the_claimed_errors(seed: int) -> None:
    scene = mosaics.draw(np.random.default_rng(seed), mosaics.grid_corners(5, 3, 0.4))
    edges = match(scene, grid_pairs(5, 3))
    clean = align(scene, edges)
    rng = np.random.default_rng(100 + seed)
    wrong = rng.choice(len(edges), len(edges) // 5, replace=False)
    for place in wrong:
        edges[place] = _false(edges[place], rng)
    spoilt = align(scene, edges)
    assert {r.edge for r in spoilt.verdict.rejected} >= set(wrong.tolist())
    one, two = clean.solution, spoilt.solution
    for i, corner in enumerate(scene.corners):
        places = corner + mosaics.SIZE * np.array([[0.1, 0.1], [0.5, 0.5], [0.1, 0.9], [0.9, 0.5]])
        claimed = np.sqrt(np.einsum("nii->ni", two.covariances.at(i, two.move(i, places))))
        assert (np.abs(two.move(i, places) - one.move(i, places)) < 4.0 * claimed).all()


def test_an_image_that_fits_nobody_is_not_solved() -> None:
    scene = mosaics.draw(np.random.default_rng(16), mosaics.strip_corners(5))
    xy = scene.detections.xy.copy()
    strange = scene.detections.unit == 4
    xy[strange] = scene.corners[4] + np.random.default_rng(17).uniform(
        0.0, mosaics.SIZE, (int(strange.sum()), 2)
    )
    scene = replace(scene, detections=replace(scene.detections, xy=xy))
    found = align(scene, match(scene, _next(5)))
    assert found.solution.solved.tolist() == [True] * 4 + [False]
    assert mosaics.rms(scene.errors(found.solution)[:4]) < 0.03


def test_an_island_without_reference_is_said() -> None:
    corners = np.concatenate(
        [mosaics.strip_corners(3), mosaics.strip_corners(3) + np.array([0, 9e3])]
    )
    scene = mosaics.draw(np.random.default_rng(18), corners, density=100)
    near = scene.catalog.xy[:, 1] < 4000.0
    catalog = type(scene.catalog)(*(a[near] for a in vars(scene.catalog).values()))
    scene = replace(scene, catalog=catalog)
    found = align(scene, match(scene, [(0, 1), (1, 2), (3, 4), (4, 5)]))
    problems = [match.problem for match in found.matches.values()]
    assert problems[0] == ""
    assert problems[1]
    held = [found.solution.parts[k].held for k in found.solution.component[[0, 3]]]
    assert held == ["", "shift, rotation of its first unit held"]


@pytest.mark.slow
def test_the_whole_of_a_relative_solution_has_the_errors_of_its_one_fit() -> None:
    pulls = []
    for seed in range(30):
        scene = mosaics.draw(np.random.default_rng(seed), mosaics.grid_corners(2, 2), n_catalog=8)
        found = align(scene, match(scene, grid_pairs(2, 2)), method="relative_absolute")
        for i in range(4):
            place = scene.corners[i][None] + [300.0, 700.0]
            moved = found.solution.move(i, place)
            sigma = np.sqrt(np.diag(found.solution.covariances.at(i, moved)[0]))
            pulls.append((moved - scene.truly(i, place))[0] / sigma)
    assert 0.75 < np.std(pulls) < 1.25
