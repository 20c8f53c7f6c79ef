"""For each parameter of a recipe a value that is not its default."""

from __future__ import annotations

from typing import Any

from tweakreg_steps.recipes.schema import Parameter


def another_value(parameter: Parameter) -> Any:  # noqa: ANN401  any value of a recipe
    """Return an allowed value that is not the default."""
    special = {
        "reference_catalog.refcat": "a.cat",
        "catalog_fitting.residplot": "vector",
        "dqbits": 4,
        "skysigma": 2.5,
        "sharplo": 0.5,
        "sextractor": {"BACK_SIZE": 32},
        "backfiltersize": 5,
        "deblend_contrast": 0.5,
        "max_false_alarm": 0.01,
        "solution.groups": {"both": ["paint02q_flc.fits", "paint03q_flc.fits"]},
        "solution.fitgeometry": "shift",
        "rmaxflux": -20.0,
        "ref_epoch": 2016.0,
        "columns": {"pmra": None},
        "no_pm": "inflate",
        "pm_error_max": 1000.0,
        **dict.fromkeys(("fluxcol", "rfluxcol", "refxerrcol", "refyerrcol"), 2),
    }
    for name in (parameter.name, parameter.path[-1]):
        if name in special:
            return special[name]
    if "enum" in parameter.schema:
        return next(v for v in parameter.schema["enum"] if v != parameter.default)
    if isinstance(parameter.default, bool):
        return not parameter.default
    kind = parameter.schema["type"]
    if isinstance(parameter.default, int | float):
        step = -0.125 if "maximum" in parameter.schema else 1
        return parameter.default + step
    return "other" if "string" in kind else 2 if "integer" in kind else 0.375
