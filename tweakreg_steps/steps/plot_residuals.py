"""The plots of a fit's residuals: against x and y, as vectors, and against sub-pixel phase."""

from __future__ import annotations

from tweakreg_steps.fit_file import read_fit
from tweakreg_steps.records.statement import png_texts
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_drawn
from tweakreg_steps.steps.declaration import NoFacts, Per, Step, Writes
from tweakreg_steps.steps.preloads import DRAWING_MODULES
from tweakreg_steps.steps.products import FIT, PAIRS, PHASES_PLOT, RESIDUALS_PLOT, VECTORS_PLOT
from tweakreg_steps.steps.subject import Subject

_KINDS = {"residuals": RESIDUALS_PLOT, "vector": VECTORS_PLOT}
"""The plots, by what ``catalog_fitting.residplot`` calls them."""

_PHASES = "phases"
"""The plot that comes with any of them."""


def _writes(subject: Subject) -> Writes:
    """Return the plots that the recipe asks for."""
    choice = subject.values["catalog_fitting"]["residplot"]
    kinds = {kind: product for kind, product in _KINDS.items() if choice in (kind, "both")}
    return {**kinds, _PHASES: PHASES_PLOT} if kinds else {}


def _facts(subject: Subject) -> NoFacts | None:
    """Return that there is nothing more; there is a job where a plot is wanted."""
    return {} if is_drawn(subject) and _writes(subject) else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={"pairs": PAIRS, "fit": FIT},
    writes=_writes,
    consumes=parameters.PlotResiduals,
    imports=("tweakreg_steps.reporting.residuals_of_fit", *DRAWING_MODULES),
)


def run(call: StepCall[parameters.PlotResiduals, NoFacts]) -> None:
    """Write ``plots/residuals_<image>.png``, ``vector_`` and ``phases_``, if asked for."""
    from tweakreg_steps.reporting import plots
    from tweakreg_steps.reporting.plot_style import plot_style
    from tweakreg_steps.reporting.residuals_of_fit import draw_fit

    look, fit, pairs = (
        call.parameters["catalog_fitting"],
        read_fit(call.file("fit")),
        call.read_table("pairs"),
    )
    size, limit = look["labelsize"], look["ylimit"]
    with plot_style():
        for kind in filter(call.optional_file, (*_KINDS, _PHASES)):
            figure = draw_fit(kind, call.name, fit, pairs, ylimit=limit, labelsize=size)
            plots.save_figure(figure, call.file(kind), texts=png_texts(call.statement))
