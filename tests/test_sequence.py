"""Images aligned one after the other: order, retries, growth, and how errors add up."""

from __future__ import annotations

import numpy as np
import pytest
from strips import FITTING, GATES, MATCHING, MAX_FALSE_ALARM, ListStrip, list_strip, sky_table

from tweakreg_steps.alignment.alignment_parameters import AlignmentParameters
from tweakreg_steps.alignment.overlap import hull_of
from tweakreg_steps.alignment.reference_list import list_of_image
from tweakreg_steps.alignment.sequence import AlignedSequence, choose_reference
from tweakreg_steps.tables.ecsv import ColumnTable


@pytest.fixture
def strip() -> ListStrip:
    return list_strip(np.random.default_rng(5), step=0.35)


def statuses(sequence: AlignedSequence) -> dict[str, str]:
    """Return what became of each image: its reason where it is not aligned."""
    records = {name: image.fitted.record for name, image in sequence.images.items()}
    return {name: record["reason"] or record["status"] for name, record in records.items()}


def reordered(strip: ListStrip, names: str) -> ListStrip:
    """Return a strip with its images in another order."""
    skies = {name: strip.skies[name] for name in names}
    return ListStrip(strip.plane, skies, strip.by_header, strip.true)


def with_lists(strip: ListStrip, **places: np.ndarray) -> ListStrip:
    """Return a strip with other places of the sources of some images."""
    skies = strip.skies | {name: sky_table(strip.plane, xy) for name, xy in places.items()}
    return ListStrip(strip.plane, skies, strip.by_header | places, strip.true)


def test_a_strip_is_aligned_end_to_end(strip: ListStrip) -> None:
    sequence = strip.align()
    assert statuses(sequence) == {"a": "reference", **dict.fromkeys("bcdef", "aligned")}
    assert sequence.sources.meta["order"] == list("bcdef")
    assert max(strip.error(sequence, name) for name in "bcdef") < 0.05


@pytest.mark.slow
def test_the_error_grows_as_the_square_root_of_the_steps() -> None:
    rng = np.random.default_rng(1)
    n_strips, density, step, noise = 40, 60, 0.42, 0.05
    squares = np.zeros(5)
    for _ in range(n_strips):
        strip = list_strip(rng, step=step, density=density, noise=noise)
        sequence = strip.align()
        squares += [strip.error(sequence, name) ** 2 for name in "bcdef"]
    # both lists of a pair are noisy; a mean of 80 squares is known to 16 percent
    one_step = noise * np.sqrt(2.0 / (density * (1.0 - step)))
    assert np.all(np.sqrt(squares / n_strips) < 1.15 * one_step * np.sqrt(np.arange(1, 6)))


def test_images_given_before_what_they_overlap_are_tried_again(strip: ListStrip) -> None:
    sequence = reordered(strip, "afedcb").align()
    assert set(statuses(sequence).values()) == {"reference", "aligned"}
    # c shares enough with a, then b has its turn; then the one with the largest overlap
    assert sequence.sources.meta["order"] == list("cbdef")


def test_the_user_s_order_is_kept_where_it_works(strip: ListStrip) -> None:
    assert reordered(strip, "cbeafd").align().sources.meta["order"] == list("beafd")


def test_the_free_order_starts_in_the_middle_and_follows_the_overlap(strip: ListStrip) -> None:
    sequence = reordered(strip, "faebdc").align(enforce_user_order=False)
    reference = sequence.sources.meta["origin"]
    assert reference in "bcde"
    assert statuses(sequence)[reference] == "reference"
    order = [reference, *sequence.sources.meta["order"]]
    for i in range(1, len(order)):
        assert any(abs(ord(order[i]) - ord(name)) == 1 for name in order[:i])


def test_the_free_order_does_not_depend_on_the_order_given(strip: ListStrip) -> None:
    results = [
        reordered(strip, names).align(enforce_user_order=False) for names in ("abcdef", "fcbaed")
    ]
    assert results[0].sources.meta == results[1].sources.meta
    for name in "abcdef":
        one, other = (result.images[name].fitted.record for result in results)
        assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("enforce", [True, False])
def test_an_image_that_fails_neither_adds_nor_breaks(strip: ListStrip, enforce: bool) -> None:
    rng = np.random.default_rng(9)
    bad = with_lists(
        strip,
        a=np.zeros((0, 2)),
        f=rng.uniform([700.0, 0.0], [1100.0, 400.0], (40, 2)),
        g=np.array([[500.0, 100.0]]),
        h=np.column_stack([np.linspace(400, 900, 7), np.linspace(10, 380, 7)]),
    )
    sequence = bad.align(enforce_user_order=enforce)
    found = statuses(sequence)
    assert [found[name] for name in "agh"] == ["no_sources", "few_sources", "few_sources"]
    assert found["f"] in ("no_offset", "few_matches", "no_overlap")
    assert sorted(found[name] for name in "bcde") == ["aligned"] * 3 + ["reference"]
    assert not set(sequence.sources["origin"]) & set("afgh")


@pytest.mark.slow
def test_a_fit_that_a_gate_refuses_adds_nothing(strip: ListStrip) -> None:
    narrow = AlignmentParameters(MATCHING, MAX_FALSE_ALARM, FITTING, GATES | {"max_shift": 1e-3})
    sequence = strip.align(parameters=dict.fromkeys("abcdef", narrow))
    refused, alone = dict.fromkeys("bc", "large_shift"), dict.fromkeys("def", "no_overlap")
    assert statuses(sequence) == {"a": "reference", **refused, **alone}
    assert sequence.sources.meta["order"] == []
    assert set(sequence.sources["origin"]) == {"a"}


def test_an_image_may_have_parameters_of_its_own(strip: ListStrip) -> None:
    usual = AlignmentParameters(MATCHING, MAX_FALSE_ALARM, FITTING, GATES)
    strict = AlignmentParameters(MATCHING | {"minobj": 10_000}, MAX_FALSE_ALARM, FITTING, GATES)
    parameters = {name: strict if name == "b" else usual for name in "abcdef"}
    found = statuses(reordered(strip, "acbdef").align(parameters=parameters))
    assert found == {"a": "reference", "b": "few_sources", **dict.fromkeys("cdef", "aligned")}


def test_noise_alone_is_a_verdict_for_each() -> None:
    strip = list_strip(np.random.default_rng(2), number=3)
    empty = with_lists(strip, **dict.fromkeys("abc", np.zeros((0, 2))))
    found = statuses(empty.align())
    assert found == {"a": "no_sources", "b": "no_sources", "c": "no_sources"}


def test_a_field_on_the_other_side_of_the_sky_is_not_aligned(strip: ListStrip) -> None:
    sky = strip.skies["d"]
    far = {**sky.columns, "ra": (sky["ra"] + 180.0) % 360.0, "dec": -sky["dec"]}
    strip.skies["d"] = ColumnTable(far, meta=sky.meta)
    for enforce in (True, False):
        found = statuses(strip.align(enforce_user_order=enforce))
        assert found["d"] == "no_overlap"
        assert sorted(found[name] for name in "abcef") == ["aligned"] * 4 + ["reference"]


def test_a_list_given_grows_below_its_own_rows(strip: ListStrip) -> None:
    start = list_of_image(strip.skies["c"], "stars.cat")
    sequence = strip.align(start)
    assert set(statuses(sequence).values()) == {"aligned"}
    assert list(sequence.sources["origin"][: len(start)]) == ["stars.cat"] * len(start)
    for image in sequence.images.values():
        n_reference = image.matches.meta["n_reference"]
        rows = sequence.sources["origin"][:n_reference]
        assert set(image.matches["origin"]) <= set(rows)


def test_an_input_that_is_the_reference_image_adds_nothing(strip: ListStrip) -> None:
    start = list_of_image(strip.skies["b"], "b_refimage")
    sequence = strip.align(start, reference="b")
    assert statuses(sequence)["b"] == "reference"
    assert "b" not in set(sequence.sources["origin"])


def test_the_reference_is_one_of_the_pair_with_the_largest_overlap() -> None:
    def square(ra: float, dec: float) -> tuple[np.ndarray, np.ndarray]:
        return np.array([ra, ra + 1, ra + 1, ra]), np.array([dec, dec, dec + 1, dec + 1])

    corners = {"lone": (9.0, 0.0), "one": (0.0, 0.0), "two": (0.3, 0.0), "three": (0.9, 0.2)}
    hulls = {name: hull_of(*square(*corner)) for name, corner in corners.items()}
    numbers, minobj = dict.fromkeys(hulls, 20), dict.fromkeys(hulls, 15)

    def chosen(**given: int) -> str:
        return choose_reference(numbers | given, hulls, minobj=minobj, enforce_user_order=False)

    assert chosen() == "two"
    assert chosen(two=14) == "one"
    assert chosen(one=0, two=0, three=0) == "lone"
    assert chosen(lone=0, one=1, two=0, three=0) == "one"
    with_order = {"minobj": minobj, "enforce_user_order": True}
    assert choose_reference(numbers, hulls, **with_order) == "lone"  # type: ignore[arg-type]
    assert choose_reference(numbers | {"lone": 3}, hulls, **with_order) == "one"  # type: ignore[arg-type]


def test_a_strip_without_growth_ends_where_the_first_image_does(strip: ListStrip) -> None:
    start = list_of_image(strip.skies["a"], "a")
    from tweakreg_steps.alignment.match_table import make_match_table

    for name in "def":
        matches = make_match_table(
            strip.skies[name],
            start,
            plane=strip.plane,
            image=name,
            is_reference=False,
            matching=MATCHING,
            max_false_alarm=MAX_FALSE_ALARM,
            look_further=False,
        )
        assert matches.meta["reason"] == "no_overlap"
