"""What the plan gives a step is what the step's module says that it is given."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from test_workplan import CATALOGS, image, plan
from typed_values import misfits

from tweakreg_steps.fits_files.pixel_unit import UnitRecord
from tweakreg_steps.steps import all_steps
from tweakreg_steps.surveying.findings import UserFile
from tweakreg_steps.surveying.reference_files import ReferenceFile

PSF = {"centroid": "psf", "psf": "build"}
RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "catalog": {"refcat": "digest"},
    "reference image": {"refimage": image("c"), "imagefindpars": {"dqbits": 0}},
    "sequence": {"expand_refcat": True},
    "catalogs": {"catalogs": {"b": CATALOGS}, "coordinate_file": {"xyunits": "degrees"}},
    "regions": {"exclusions": {"a": {"1": UserFile(Path("/data/a.reg"), "digest")}}},
    "sextractor": {"imagefindpars": {"finder": "sextractor"}},
    "psf": {"imagefindpars": PSF, "catalog_fitting": {"residplot": "both"}},
    "stars": {"catalog_fitting": {"residplot": "both"}},
    "headerlets": {"headerlet_creation": {"headerlet": True, "attach": True}},
    "in place": {"update_header": {"in_place": True}, "catalog_fitting": {"residplot": "both"}},
    "new wcs": {"reference_files": {"a": {"IDCTAB": ReferenceFile(Path("/ref/idc"), "digest")}}},
}


def inputs_of(rule: str) -> Any:  # noqa: ANN401  a typed dictionary
    """Return the type of what a step is given beside its parameters."""
    module = import_module(all_steps()[rule].module)
    return get_args(get_type_hints(module.run)["call"])[1]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_is_given_what_it_is_typed_for(recipe: str) -> None:
    jobs = plan(**RECIPES[recipe]).jobs.values()
    found = {
        text
        for job in jobs
        for text in misfits(job.record["inputs"], inputs_of(job.rule), job.rule, closed=False)
    }
    assert found == set()


def test_a_value_that_is_not_as_it_is_typed_is_seen() -> None:
    unit = {"name": "ADU", "counts": "1"}
    assert misfits([unit], list[UnitRecord], "unit", closed=True) == [
        "unit[0].counts: str in place of <class 'float'>",
        "unit[0].is_rate: is missing",
    ]


def test_types_cost_a_plan_no_library() -> None:
    code = (
        "import sys; from tweakreg_steps.steps import all_steps; all_steps();"
        "print({'numpy', 'astropy', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
