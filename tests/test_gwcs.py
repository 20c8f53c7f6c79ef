"""A file whose WCS lies in an ASDF extension is not half aligned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import list_chips
from tweakreg_steps.headers.header_update import write_copy
from tweakreg_steps.headers.solution import Solution
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.surveying.survey import survey


def write_jwst(path: Path) -> Path:
    """Write a file as the pipeline of JWST does: SCI, and behind it its tree of metadata."""
    sci = fits.ImageHDU(np.zeros((30, 40), "f4"), wcs_header(**MATRIX), name="SCI")
    tree = np.array([(np.frombuffer(b"#ASDF 1.0.0\n", np.uint8),)], dtype=[("ASDF", "u1", 12)])
    fits.HDUList([fits.PrimaryHDU(), sci, fits.BinTableHDU(tree, name="ASDF")]).writeto(path)
    return path


@pytest.mark.parametrize("updatehdr", [True, False])
def test_it_is_refused_before_any_job_where_headers_are_written(
    tmp_path: Path, *, updatehdr: bool
) -> None:
    write_jwst(tmp_path / "jw1_cal.fits")
    recipe = {"input": "*.fits", "update_header": {"updatehdr": updatehdr}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    if not updatehdr:
        assert survey(load_recipe(tmp_path / "recipe.yaml")).images[0].gwcs
        return
    with pytest.raises(InputError, match=r"input: .*jw1_cal\.fits: .*ASDF extension \(gwcs\)"):
        survey(load_recipe(tmp_path / "recipe.yaml"))


def test_no_copy_of_it_gets_a_solution(tmp_path: Path) -> None:
    path = write_jwst(tmp_path / "jw1_cal.fits")
    with pytest.raises(InputError, match="would be lost on the way"):
        write_copy(
            path,
            tmp_path / "out.fits",
            chips=list_chips(path, None),
            solution=Solution("NEW", None, None),
            reusename=False,
            headerlet=None,
            same_data=False,
            history=(),
        )


def test_an_asdf_file_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "r1_cal.asdf").write_bytes(b"#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n")
    with pytest.raises(InputError, match=r"is an ASDF file \(Roman\)"):
        list_chips(tmp_path / "r1_cal.asdf", None)
