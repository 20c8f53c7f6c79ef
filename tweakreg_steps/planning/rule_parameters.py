"""Which part of a recipe each rule consumes."""

from __future__ import annotations

from tweakreg_steps.recipes.schema import (
    IMAGE_FINDPARS,
    REFERENCE_FINDPARS,
    Tree,
    parameters,
    value_at,
)

_INCLUDED = {"align": ("match_sources", "fit_alignment")}
"""The rules whose work a rule does as well, so that it consumes what they do."""


def parameters_of(rule: str, values: Tree, *, findpars: str = IMAGE_FINDPARS) -> Tree:
    """Return what `rule` consumes of a complete recipe, without switches and file paths.

    Parameters
    ----------
    rule
        The rule.
    values
        The complete recipe.
    findpars
        Which of the two sections about source finding holds for the job's image; the other one
        is left out.
    """
    other = {IMAGE_FINDPARS, REFERENCE_FINDPARS} - {findpars}
    consumers = {rule, *_INCLUDED.get(rule, ())}
    part: Tree = {}
    for parameter in parameters():
        if parameter.rule not in consumers or parameter.path[0] in other:
            continue
        if parameter.switch or parameter.file:
            continue
        section = part
        for key in parameter.path[:-1]:
            section = section.setdefault(key, {})
        section[parameter.path[-1]] = value_at(values, parameter.path)
    return part
