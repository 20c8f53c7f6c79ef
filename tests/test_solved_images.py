"""Mosaics that are hard, from their sky lists to the fits and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import mosaics
import numpy as np
import pytest
import strips
from astropy.wcs import WCS
from strips import sky_table

from tweakreg_steps.alignment.moving_reference import with_motions
from tweakreg_steps.alignment.reference_list import make_reference_list
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.reference_plane import _make_plane, plane_center
from tweakreg_steps.sections import FitGeometry, ObjectMatching, PairSections, Solution
from tweakreg_steps.solving.images_as_mosaic import Asked
from tweakreg_steps.solving.matched_pair import match_images
from tweakreg_steps.solving.solved_images import SolvedImages, solve_images
from tweakreg_steps.tables.ecsv import ColumnTable

SCALE = 0.1  # arcsec
MATCHING: ObjectMatching = {**strips.MATCHING, "searchrad": 10.0}
SOLUTION: dict[str, Any] = {
    "method": "simultaneous",
    "groups": "exposure",
    "fitgeometry": None,
    "gauge": "first",
    "chip_terms": "none",
    "weights": "errors",
    "sigma": 5.0,
    "nclip": 20,
    "priors": {"shift": None, "rotation": None, "scale": None},
}


@dataclass(frozen=True)
class Hard:
    """A mosaic as its recipe's steps see it."""

    scene: mosaics.Scene
    plane: WCS
    skies: dict[str, ColumnTable]

    @classmethod
    def of(cls, scene: mosaics.Scene, at: tuple[float, float] = (10.0, 40.0)) -> Hard:
        """Lay a scene on the sky: its middle is a place there."""
        middle = (scene.corners.min(axis=0) + scene.corners.max(axis=0) + mosaics.SIZE) / 2
        plane = _make_plane(np.array(at), np.diag([-SCALE, SCALE]) / 3600.0, -middle)
        return cls(scene, plane, cls._skies(scene, plane))

    @staticmethod
    def _skies(scene: mosaics.Scene, plane: WCS) -> dict[str, ColumnTable]:
        skies = {}
        for i, (sources, errors) in enumerate(zip(*scene.lists(), strict=True)):
            table = sky_table(plane, sources.xy)
            known = {**table.columns, "error": errors * SCALE * 1000.0}
            skies[f"m{i}"] = replace(table, columns=known, meta={**table.meta, "image": f"m{i}"})
        return skies

    def catalog(self) -> ColumnTable:
        known = self.scene.catalog
        ra, dec = self.plane.wcs_pix2world(known.xy, 1).T
        n = len(known)
        return make_reference_list(
            number=np.arange(n), ra=ra, dec=dec, flux=np.full(n, np.nan), x0=known.xy[:, 0],
            y0=known.xy[:, 1], error=np.full(n, 2.0), chip=np.zeros(n, dtype=np.int64),
            brightness=np.full(n, np.nan), narrow=np.zeros(n, dtype=np.bool_),
            origin="stars.cat", reason=None,
        )  # fmt: skip

    def pairs(self, which: Sequence[tuple[int, int]], geometry: FitGeometry) -> list[ColumnTable]:
        sections: PairSections = {
            "object_matching": MATCHING,
            "acceptance": {"max_false_alarm": 1e-3},
            "catalog_fitting": {"fitgeometry": geometry},
        }
        return [
            match_images(
                {name: self.skies[name] for name in (f"m{i}", f"m{j}")},
                plane=self.plane,
                parameters={f"m{i}": sections, f"m{j}": sections},
            )
            for i, j in which
        ]

    def solve(
        self,
        pairs: Sequence[ColumnTable],
        *,
        catalog: ColumnTable | None = None,
        reference: str | None = None,
        geometry: Any = "rshift",  # noqa: ANN401  a geometry
        minobj: int = 8,
        cameras: Mapping[str, str] | None = None,
        epochs: Mapping[str, float | None] | None = None,
        **changes: Any,  # noqa: ANN401  values of the section
    ) -> SolvedImages:
        names = list(self.skies)
        return solve_images(
            self.skies,
            pairs,
            catalog,
            plane=self.plane,
            asked=Asked(
                solution=cast("Solution", SOLUTION | changes),
                matching=MATCHING,
                fitgeometry=geometry,
                max_false_alarm=1e-3,
                minobj=dict.fromkeys(names, minobj),
                gates=dict.fromkeys(names, strips.GATES),
                groups={name: name for name in names},
                geometries=dict.fromkeys(names, geometry),
                cameras=cameras or dict.fromkeys(names, "CAM"),
                reference=reference,
                epochs=epochs or dict.fromkeys(names),
                shapes={name: {1: (1000, 1000)} for name in names},
            ),
        )

    def errors(self, solved: SolvedImages) -> FloatArray:
        """Return where the fits put a grid of each exposure, less the truth: (n, 9, 2)."""
        grid = np.array([(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)]) * mosaics.SIZE
        found = []
        for i, corner in enumerate(self.scene.corners):
            record = record_of(solved, f"m{i}")
            if record["dx"] is None:
                found.append(np.full((9, 2), np.nan))
                continue
            center = record["center"] or plane_center(self.plane)
            shift, matrix = np.array([record["dx"], record["dy"]]), np.array(record["matrix"])
            moved = np.linalg.solve(matrix, (grid + corner - center - shift).T).T + center
            found.append(moved - self.scene.truly(i, grid + corner))
        return np.array(found)


def statuses(solved: SolvedImages) -> list[str]:
    return [image.fitted.record["status"] for image in solved.images.values()]


def record_of(solved: SolvedImages, name: str) -> dict[str, Any]:
    """Return all that a record holds, the numbers of a fit included."""
    return cast("dict[str, Any]", solved.images[name].fitted.record)


def next_ones(n: int) -> list[tuple[int, int]]:
    return [(i, i + 1) for i in range(n - 1)]


@pytest.mark.parametrize("at", [(0.0, 0.0), (0.0, 90.0), (180.0, -89.999), (359.999, 60.0)])
def test_0h_and_the_poles_are_places_like_all_others(at: tuple[float, float]) -> None:
    scene = mosaics.draw(np.random.default_rng(1), mosaics.grid_corners(2, 2), n_catalog=20)
    hard = Hard.of(scene, at)
    pairs = hard.pairs([(0, 1), (0, 2), (1, 3), (2, 3)], "rshift")
    solved = hard.solve(pairs, catalog=hard.catalog())
    assert statuses(solved) == ["aligned"] * 4
    assert mosaics.rms(hard.errors(solved)) < 0.02


def test_without_a_catalog_the_image_that_is_the_reference_stays() -> None:
    hard = Hard.of(mosaics.draw(np.random.default_rng(2), mosaics.strip_corners(3)))
    solved = hard.solve(hard.pairs(next_ones(3), "rshift"), reference="m0")
    assert statuses(solved) == ["reference", "aligned", "aligned"]
    record = record_of(solved, "m0")
    assert (record["dx"], record["dy"], record["rotation"]) == (0.0, 0.0, 0.0)
    assert {image.fitted.record["reference"] for image in solved.images.values()} == {"m0"}
    truth = np.array([hard.scene.truly(0, hard.scene.corners[0][None])[0]])
    own = truth - hard.scene.corners[0]
    assert np.abs(hard.errors(solved)[2] - hard.errors(solved)[0]).max() < 0.5 + np.abs(own).max()


def test_of_errors_that_nothing_tells_nothing_is_said() -> None:
    """One exposure by itself, and a camera that shares no star with any other exposure."""
    hard = Hard.of(mosaics.draw(np.random.default_rng(2), mosaics.strip_corners(1)))
    alone = hard.solve([], reference="m0")
    assert alone.record["floors"] == {}
    assert not any("errors of sources" in note for note in alone.record["notes"])
    corners = np.concatenate([mosaics.strip_corners(2), [[0.0, 9e3]]])
    hard = Hard.of(mosaics.draw(np.random.default_rng(3), corners, n_catalog=0))
    cameras = {"m0": "NEAR", "m1": "NEAR", "m2": "FAR"}
    solved = hard.solve(hard.pairs(next_ones(2), "rshift"), reference="m0", cameras=cameras)
    assert list(solved.record["floors"]) == ["NEAR"]


def test_islands_are_solved_each_and_those_without_reference_said() -> None:
    corners = np.concatenate(
        [mosaics.strip_corners(3), mosaics.strip_corners(3) + np.array([0.0, 4e3])]
    )
    scene = mosaics.draw(np.random.default_rng(18), corners, density=100, n_catalog=8)
    near = scene.catalog.xy[:, 1] < 2000.0
    scene = replace(
        scene, catalog=type(scene.catalog)(*(a[near] for a in vars(scene.catalog).values()))
    )
    hard = Hard.of(scene)
    solved = hard.solve(
        hard.pairs([(0, 1), (1, 2), (3, 4), (4, 5)], "rshift"), catalog=hard.catalog()
    )
    assert statuses(solved) == ["aligned"] * 3 + ["reference", "aligned", "aligned"]
    references = [image.fitted.record["reference"] for image in solved.images.values()]
    assert references == ["stars.cat"] * 3 + ["m3"] * 3
    island = record_of(solved, "m4")
    assert "nothing else tells where its part lies: shift, rotation" in island["detail"]
    assert island["solution"]["error_absolute"] is None
    assert 0.0 < island["solution"]["error_relative"] < 2.0
    assert [part["n_reference"] > 0 for part in solved.record["parts"]] == [True, False]
    assert any("no star of stars.cat tells where m3, m4, m5" in n for n in solved.record["notes"])
    assert mosaics.rms(hard.errors(solved)[:3]) < 0.03


def test_one_false_pair_is_named_and_does_not_bend_the_mosaic() -> None:
    scene = mosaics.draw(np.random.default_rng(14), mosaics.grid_corners(4, 2, 0.4))
    hard = Hard.of(scene)
    which = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (0, 4), (1, 5), (2, 6), (3, 7),
             (0, 5), (1, 4), (1, 6), (2, 5), (2, 7), (3, 6)]  # fmt: skip
    pairs = hard.pairs(which, "rshift")
    clean = hard.solve(pairs, catalog=hard.catalog())
    false = pairs[5]
    rows = np.roll(false["row_other"], 5)
    shift = (np.array(false.meta["shift"]) + np.array([6.0, -5.0])).tolist()
    pairs[5] = replace(
        false,
        columns={**false.columns, "row_other": rows},
        meta={**false.meta, "shift": shift, "false_alarm": 1e-4},
    )
    spoilt = hard.solve(pairs, catalog=hard.catalog())
    (rejected,) = spoilt.record["pairs"]["rejected"]
    assert rejected["images"] == ["m6", "m7"]
    assert any("rejected the match of m6 and m7" in note for note in spoilt.record["notes"])
    gap = hard.errors(spoilt) - hard.errors(clean)
    claimed = max(record_of(clean, name)["error_x"] for name in clean.images) / (SCALE * 1000.0)
    assert np.abs(gap).max() < 4.0 * claimed


def test_general_matrices_do_not_drift_in_scale_along_a_strip() -> None:
    scene = mosaics.draw(np.random.default_rng(3), mosaics.strip_corners(8), n_catalog=10)
    hard = Hard.of(scene)
    pairs = hard.pairs(next_ones(8), "general")
    solved = hard.solve(pairs, catalog=hard.catalog(), geometry="general")
    scales = np.array([record_of(solved, name)["scale"] for name in solved.images])
    assert np.abs(scales - 1.0).max() < 1e-4
    assert abs(scales.mean() - 1.0) < 2e-5
    assert mosaics.rms(hard.errors(solved)) < 0.03
    alone = hard.solve(pairs, reference="m0", geometry="general")
    tied = hard.solve(
        pairs,
        reference="m0",
        geometry="general",
        priors={"shift": None, "rotation": None, "scale": 1e-6},
    )
    drift = [abs(record_of(one, "m7")["scale"] - 1.0) for one in (alone, tied)]
    assert drift[1] < 0.2 * drift[0]


def test_an_image_with_few_stars_gets_what_they_tell() -> None:
    scene = mosaics.draw(np.random.default_rng(4), np.zeros((4, 2)), n_catalog=30)
    d = scene.detections
    few = np.flatnonzero(d.unit == 3)[5:]
    keep = np.ones(len(d), dtype=np.bool_)
    keep[few] = False
    hard = Hard.of(replace(scene, detections=d.choose(keep)))
    pairs = hard.pairs([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)], "rshift")
    solved = hard.solve(pairs, catalog=hard.catalog(), minobj=5)
    assert statuses(solved) == ["aligned"] * 4
    record = record_of(solved, "m3")
    assert record["n_fit"] == 5
    assert np.abs(hard.errors(solved)[3]).max() < 0.15
    assert record["error_x"] > 1.5 * record_of(solved, "m2")["error_x"]
    limited = hard.solve(pairs, catalog=hard.catalog(), minobj=6)
    assert limited.images["m3"].fitted.record["reason"] == "few_sources"


def test_repeated_pointings_share_their_stars() -> None:
    scene = mosaics.draw(np.random.default_rng(5), np.zeros((6, 2)), density=60, n_catalog=10)
    hard = Hard.of(scene)
    solved = hard.solve(
        hard.pairs([(i, j) for i in range(6) for j in range(i)], "rshift"), catalog=hard.catalog()
    )
    assert statuses(solved) == ["aligned"] * 6
    assert solved.record["n_stars"] == len(np.unique(scene.detections.star))
    assert mosaics.rms(hard.errors(solved)) < 0.02


def test_an_image_that_fits_nobody_is_not_aligned_and_bends_nothing() -> None:
    scene = mosaics.draw(np.random.default_rng(16), mosaics.strip_corners(5))
    xy = scene.detections.xy.copy()
    strange = scene.detections.unit == 4
    xy[strange] = scene.corners[4] + np.random.default_rng(17).uniform(
        0.0, mosaics.SIZE, (int(strange.sum()), 2)
    )
    hard = Hard.of(replace(scene, detections=replace(scene.detections, xy=xy)))
    solved = hard.solve(hard.pairs(next_ones(5), "rshift"), catalog=hard.catalog())
    assert statuses(solved) == ["aligned"] * 4 + ["not_aligned"]
    record = record_of(solved, "m4")
    assert record["reason"] == "no_significant_offset"
    assert record["detail"].startswith("with m3: ")
    assert record["dx"] is None
    assert solved.record["unsolved"] == ["m4"]
    (unmatched,) = solved.record["pairs"]["unmatched"]
    assert unmatched["images"] == ["m3", "m4"]
    assert unmatched["false_alarm"] > 1e-3
    assert mosaics.rms(hard.errors(solved)[:4]) < 0.03


def test_an_image_without_sources_and_one_that_nothing_overlaps() -> None:
    corners = np.concatenate([mosaics.strip_corners(3), [[0.0, 9e3]]])
    hard = Hard.of(mosaics.draw(np.random.default_rng(6), corners, density=60, n_catalog=8))
    empty = replace(
        hard.skies["m2"], columns={k: v[:0] for k, v in hard.skies["m2"].columns.items()}
    )
    hard = replace(hard, skies={**hard.skies, "m2": empty})
    far = hard.catalog()
    near = far["y0"] < 2000.0
    far = replace(far, columns={name: column[near] for name, column in far.columns.items()})
    solved = hard.solve(hard.pairs(next_ones(3), "rshift"), catalog=far)
    assert statuses(solved) == ["aligned", "aligned", "not_aligned", "not_aligned"]
    reasons = [solved.images[name].fitted.record["reason"] for name in ("m2", "m3")]
    assert reasons == ["no_sources", "no_overlap"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simultaneous", "relative_absolute"])
def test_stars_of_the_catalog_move_between_the_exposures(method: str) -> None:
    """50 mas a year over eight years: half of the exposures are of 2016, half of 2024."""
    scene = mosaics.draw(np.random.default_rng(9), np.zeros((4, 2)), density=60, n_catalog=60)
    d, rng = scene.detections, np.random.default_rng(10)
    epochs = {f"m{i}": 2016.0 if i < 2 else 2024.0 for i in range(4)}
    motion = rng.normal(0.0, 50.0, (len(scene.stars), 2)) + np.array([40.0, -20.0])  # mas / yr
    years = np.array(list(epochs.values()))[d.unit] - 2016.0
    # east is to the left
    away = motion[d.star] * years[:, None] / (SCALE * 1000.0) * np.array([-1.0, 1.0])
    hard = Hard.of(replace(scene, detections=replace(d, xy=d.xy + away)))
    still = hard.catalog()
    moving = with_motions(
        still,
        {
            "ref_epoch": np.full(len(still), 2016.0),
            "pmra": motion[scene.catalog.star, 0],
            "pmdec": motion[scene.catalog.star, 1],
            "ra_error": np.full(len(still), 2.0),
            "dec_error": np.full(len(still), 2.0),
            "pmra_error": np.full(len(still), 0.1),
            "pmdec_error": np.full(len(still), 0.1),
        },
        no_pm="keep",
    )
    pairs = hard.pairs([(0, 1), (2, 3), (0, 2), (1, 3)], "rshift")
    solved = hard.solve(pairs, catalog=moving, epochs=epochs, method=method)
    assert statuses(solved) == ["aligned"] * 4
    assert mosaics.rms(hard.errors(solved)) < 0.03
    late = record_of(solved, "m3")
    assert max(late["rms_x"], late["rms_y"]) < 0.05
    blind = hard.solve(pairs, catalog=still, method=method)
    errors = hard.errors(blind)[2:]
    assert np.isnan(errors).all() or mosaics.rms(errors[np.isfinite(errors)]) > 0.5


def test_two_cameras_have_a_floor_each() -> None:
    scene = mosaics.draw(np.random.default_rng(7), np.zeros((6, 2)), n_catalog=20)
    d, rng = scene.detections, np.random.default_rng(8)
    coarse = d.unit >= 3
    xy = d.xy + rng.normal(0.0, 0.1, d.xy.shape) * coarse[:, None]
    hard = Hard.of(replace(scene, detections=replace(d, xy=xy)))
    solved = hard.solve(
        hard.pairs([(i, j) for i in range(6) for j in range(i)], "rshift"),
        catalog=hard.catalog(),
        cameras={f"m{i}": "COARSE" if i >= 3 else "FINE" for i in range(6)},
    )
    floors = solved.record["floors"]
    assert floors["COARSE"] == pytest.approx(10.0, rel=0.15)
    assert floors["FINE"] < 1.0
