"""Which images of a file belong together, and what is no exposure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import list_chips
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.exposure import read_dq
from tweakreg_steps.fits_files.weight_map import read_errors
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.surveying.inspection import stat_key
from tweakreg_steps.surveying.survey import survey

SHAPE = (40, 50)
APART = 500.0  # px between neighbouring chips, ten times their size


def chip_hdu(name: str, version: int | None, value: int, *, dec: float = 20.0) -> fits.ImageHDU:
    """Make an extension whose pixels all have one value; version None leaves EXTVER out."""
    hdu = fits.ImageHDU(np.full(SHAPE, value, np.int16), wcs_header(dec=dec, **MATRIX), name=name)
    hdu.header.update(CRPIX1=25.5, CRPIX2=20.5)
    if version is None:
        hdu.header.remove("EXTVER", ignore_missing=True)
    else:
        hdu.ver = version
    return hdu


def write(path: Path, *hdus: fits.ImageHDU, **cards: object) -> Path:
    """Write extensions behind an empty primary HDU."""
    primary = fits.PrimaryHDU()
    primary.header.update(cards)
    fits.HDUList([primary, *hdus]).writeto(path)
    return path


def apart(number: int) -> float:
    """Return the declination of chip number `number`."""
    return 20.0 + number * APART * float(MATRIX["CD2_2"])


@pytest.mark.parametrize("versions", [(1, 1, 1), (None, None, None), (2, 1, 1), (7, 7, 9)])
@pytest.mark.parametrize("grouped", [True, False])
def test_extensions_that_extver_does_not_tell_apart_are_paired_by_order(
    tmp_path: Path, versions: tuple[int | None, ...], *, grouped: bool
) -> None:
    sets = [
        [
            chip_hdu("SCI", version, n, dec=apart(n)),
            chip_hdu("ERR", version, 10 + n),
            chip_hdu("DQ", version, 20 + n),
        ]
        for n, version in enumerate(versions)
    ]
    order = (
        [h for s in sets for h in s] if grouped else [h for k in zip(*sets, strict=True) for h in k]
    )
    path = write(tmp_path / "a.fits", *order)
    chips = list_chips(path, None)
    assert len({chip.label for chip in chips}) == len(chips)
    for chip in chips:
        value = int(fits.getdata(path, chip.extension)[0, 0])
        flags = read_dq(path, chip)
        assert flags is not None
        assert (flags == 20 + value).all()
        assert (read_errors(path, chip) == 10 + value).all()
    digests = digest_exposure(path, None)["chips"]
    assert len({chip["dq"] for chip in digests}) == len({chip["err"] for chip in digests}) == 3


def test_flags_that_follow_their_chip_are_its_own(tmp_path: Path) -> None:
    sky = [chip_hdu("SCI", 1, 1), chip_hdu("SCI", 1, 2, dec=apart(1))]
    path = write(tmp_path / "a.fits", sky[0], sky[1], chip_hdu("DQ", 1, 8))
    first, second = list_chips(path, None)
    assert (read_dq(path, second) == 8).all()  # type: ignore[union-attr]
    with pytest.raises(InputError, match="1 extensions DQ for 2 SCI"):
        read_dq(path, first)


def test_a_name_that_two_extensions_have_selects_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", chip_hdu("SCI", 1, 1), chip_hdu("SCI", 1, 2, dec=apart(1)))
    with pytest.raises(InputError, match=r"choose one by its index, \[1\] or \[2\]"):
        list_chips(path, "sci,1")
    assert list_chips(path, "2")[0].extension == 2


@pytest.mark.parametrize("drift", [0.0, 3.0, 19.0])
@pytest.mark.parametrize("versions", [(1, 2, 3), (1, 1, 1)])
def test_exposures_of_one_place_are_no_chips(
    tmp_path: Path, drift: float, versions: tuple[int, ...]
) -> None:
    hdus = [
        chip_hdu("SCI", v, 1, dec=20.0 + n * drift * MATRIX["CD2_2"])
        for n, v in enumerate(versions)
    ]
    path = write(tmp_path / "a.fits", *hdus)
    chosen = "sci,1" if versions[0] != versions[1] else "1"
    with pytest.raises(InputError, match=rf"overlap on the sky.*select one: a\.fits\[{chosen}\]"):
        digest_exposure(path, None)
    assert len(digest_exposure(path, chosen)["chips"]) == 1


def test_chips_side_by_side_may_share_their_edges(tmp_path: Path) -> None:
    edge = 20.0 + 0.75 * SHAPE[0] * MATRIX["CD2_2"]
    path = write(tmp_path / "a.fits", chip_hdu("SCI", 1, 1), chip_hdu("SCI", 2, 2, dec=edge))
    assert len(digest_exposure(path, None)["chips"]) == 2


def test_a_file_cut_between_extensions_is_refused(tmp_path: Path) -> None:
    hdus = [chip_hdu("SCI", 1, 1), chip_hdu("DQ", 1, 0), chip_hdu("SCI", 2, 2, dec=apart(1))]
    path = write(tmp_path / "a.fits", *hdus, NEXTEND=3)
    digest_exposure(path, None)
    with fits.open(path) as whole:
        end = whole[2].fileinfo()["datLoc"] + whole[2].fileinfo()["datSpan"]
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(InputError, match=r"a\.fits: ends behind DQ,1.* 3 extensions .* are 2"):
        digest_exposure(path, None)


@pytest.mark.parametrize("name", ["u1_c1m.fits", "u1_c1m.fits.gz", "u1_c1f.fits"])
def test_flags_of_wfpc2_lie_in_a_file_of_their_own(tmp_path: Path, name: str) -> None:
    chips = [chip_hdu("SCI", n, n, dec=apart(n)) for n in (1, 2)]
    path = write(tmp_path / "u1_c0m.fits", *chips, INSTRUME="WFPC2")
    without = digest_exposure(path, None)
    key = stat_key(path)
    flags = write(tmp_path / name, *(chip_hdu("SCI", n, 30 + n) for n in (1, 2)))
    assert [int(read_dq(path, chip)[0, 0]) for chip in list_chips(path, None)] == [31, 32]  # type: ignore[index]
    found = digest_exposure(path, None)
    assert stat_key(path) != key
    assert [chip["dq"] for chip in without["chips"]] == [None, None]
    assert None not in {chip["dq"] for chip in found["chips"]}
    flags.unlink()
    write(flags, *(chip_hdu("SCI", n, 40 + n) for n in (1, 2)))
    assert digest_exposure(path, None)["chips"][0]["dq"] != found["chips"][0]["dq"]


@pytest.mark.parametrize("dqbits", [0, None])
def test_wfpc2_without_its_flags_is_refused_where_they_are_asked_for(
    tmp_path: Path, dqbits: int | None
) -> None:
    write(tmp_path / "u1_c0m.fits", chip_hdu("SCI", 1, 1), INSTRUME="WFPC2")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"input": "*.fits", "imagefindpars": {"dqbits": dqbits}}))
    if dqbits is None:
        survey(load_recipe(recipe))
        return
    with pytest.raises(InputError, match=r"imagefindpars\.dqbits: .*u1_c1m\.fits are not beside"):
        survey(load_recipe(recipe))
