"""Which change of the recipe would align an image: measured, and never applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tweakreg_steps.curing.cure import Changes
from tweakreg_steps.curing.knobs import Knob, enough_radius, joined, knobs, with_changes
from tweakreg_steps.curing.match_trials import MATCHING, MatchTrial, try_matching
from tweakreg_steps.errors import InputError, NotAlignedError, Reason
from tweakreg_steps.finding.catalog_meta import sky_meta
from tweakreg_steps.fit_file import FitRecord, accepted_numbers
from tweakreg_steps.running.trial_bench import TrialBench


@dataclass(frozen=True)
class Trial:
    """What came of some changes.

    Attributes
    ----------
    name
        What was turned.
    changes
        The changes.
    record
        The record of the fit with them; None where it did not come to that.
    problem
        Why it did not.
    """

    name: str
    changes: Changes
    record: FitRecord | None
    problem: str = ""

    @property
    def aligns(self) -> bool:
        """Tell whether they align the image."""
        return self.record is not None and self.record["status"] == "aligned"

    @property
    def reason(self) -> str:
        """Why they do not, a code; empty where they do, and where there was nothing to judge."""
        return self.record["reason"] if self.record else ""


@dataclass(frozen=True)
class Suggestion:
    """What would align an image.

    Attributes
    ----------
    image
        Its name.
    verdict
        The record of its fit as it is.
    trials
        All that was tried.
    best
        The trial to take; None where none aligns the image.
    """

    image: str
    verdict: FitRecord
    trials: tuple[Trial, ...]
    best: Trial | None

    @property
    def changes(self) -> Changes:
        """What to change; empty where nothing helps."""
        return self.best.changes if self.best else {}


def suggest(bench: TrialBench, verdict: FitRecord) -> Suggestion:
    """Turn one thing after the other until the image is aligned; then, if need be, two together.

    Parameters
    ----------
    bench
        Aligns the image with other parameters.
    verdict
        The record of its fit as it is.
    """
    trials: list[Trial] = []
    given = knobs(
        Reason(verdict["reason"]),
        bench.values,
        reach=bench.reach(),
        has_pixels=bench.has_pixels,
        lower=_lower(bench),
    )
    for knob in given:
        if knob.finds_again and any(trial.aligns for trial in trials):
            continue  # that takes the longest, and changes the most
        trials += _turn(bench, knob)
    if not any(trial.aligns for trial in trials):
        trials += _together(bench, trials)
    best = next((trial for trial in trials if trial.aligns), None)
    return Suggestion(bench.image, verdict, tuple(trials), best)


def _lower(bench: TrialBench) -> list[list[float]]:
    """Return what the catalog knows of lower thresholds."""
    lower = sky_meta(bench.sky(bench.values)).get("lower")
    return lower["counts"] if lower else []


def _turn(bench: TrialBench, knob: Knob) -> Iterator[Trial]:
    """Yield what comes of one knob, until it aligns the image."""
    for changes in knob.trials:
        trial = _try(bench, knob.name, changes)
        if trial.aligns:
            yield _refined(bench, trial)
            return
        yield trial


def _try(bench: TrialBench, name: str, changes: Changes) -> Trial:
    """Align the image with some changes."""
    try:
        return Trial(name, changes, bench.align(with_changes(bench.values, changes)))
    except InputError as error:
        return Trial(name, changes, None, str(error))


def _refined(bench: TrialBench, trial: Trial) -> Trial:
    """Return a trial that aligns the image with no more than it takes."""
    assert trial.record is not None  # noqa: S101  it aligns the image
    fit = accepted_numbers(trial.record)
    own = dict(trial.changes.get(MATCHING, {}))
    present = bench.values[MATCHING]
    if "searchrad" in own:
        from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale

        is_arcsec = present["searchunits"] == "arcseconds"
        unit = plane_pixel_scale(bench.plane) if is_arcsec else 1.0
        shift = max(abs(fit["dx"]), abs(fit["dy"])) * unit
        own["searchrad"] = max(enough_radius(shift), present["searchrad"])
    if "minobj" in own:
        own["minobj"] = trial.record["n_matched"]
    changes = {**trial.changes, MATCHING: own} if own else trial.changes
    if changes == trial.changes:
        return trial
    again = _try(bench, trial.name, changes)
    return again if again.aligns else trial


def _together(bench: TrialBench, trials: list[Trial]) -> Iterator[Trial]:
    """Yield what comes of other sources together with another matching, until it aligns."""
    for trial in trials:
        if MATCHING in trial.changes or not (trial.record and trial.record["n_sources"]):
            continue
        matched = _match(bench, trial)
        if matched.changes:
            changes = joined(trial.changes, matched.changes)
            both = _try(
                bench, f"{trial.name} and {' and '.join(matched.changes[MATCHING])}", changes
            )
            yield both
            if both.aligns:
                return


def _match(bench: TrialBench, trial: Trial) -> MatchTrial:
    """Look for a matching of the sources that a trial has found."""
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
    from tweakreg_steps.steps.match_sources import STEP
    from tweakreg_steps.workflow.consumption import parameters_of

    values = with_changes(bench.values, trial.changes)
    try:
        lists = bench.lists(values)
    except NotAlignedError:
        return MatchTrial({}, "")
    return try_matching(
        *lists,
        pixel_scale=plane_pixel_scale(bench.plane),
        max_false_alarm=values["acceptance"]["max_false_alarm"],
        matching=parameters_of(STEP, values, findpars="")[MATCHING],
    )
