"""The plot of the 2-D histogram from which the offset was taken."""

from __future__ import annotations

from tweakreg_steps.records.statement import png_texts
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import LAST_SOURCES, is_drawn
from tweakreg_steps.steps.declaration import NoFacts, Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.preloads import DRAWING_MODULES
from tweakreg_steps.steps.products import MATCHES, OFFSETS_PLOT, PLANE, SKY
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> NoFacts | None:
    """Return that there is nothing more; there is a job where the plot is wanted.

    Images that are solved together are matched with each other, each with several.
    """
    if subject.findings.mosaic is not None:
        return None
    look = subject.values["object_matching"]
    return {} if is_drawn(subject) and look["see2dplot"] and look["use2dhist"] else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={"sky": SKY, "plane": PLANE, "matches": MATCHES, **LAST_SOURCES},
    writes={"plot": OFFSETS_PLOT},
    imports=("tweakreg_steps.reporting.offsets_of_match", *DRAWING_MODULES),
)


def run(call: StepCall[NoParameters, NoFacts]) -> None:
    """Write ``plots/hist2d_<image>.png``."""
    from tweakreg_steps.reporting.offsets_of_match import draw_match
    from tweakreg_steps.reporting.plot_style import plot_style
    from tweakreg_steps.reporting.plots import save_figure

    with plot_style():
        figure = draw_match(
            call.name,
            call.read_table("matches"),
            call.read_table("sky"),
            call.read_table("expanded" if call.optional_file("expanded") else "sources"),
            call.file("plane"),
        )
        save_figure(figure, call.file("plot"), texts=png_texts(call.statement))
