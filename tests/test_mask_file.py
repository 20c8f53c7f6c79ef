"""Masks survive their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tweakreg_steps.fits_files.mask_file import read_mask, write_masks


def test_masks_come_back_chip_by_chip(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    mask = np.random.default_rng(1).random((300, 200)) < 0.5
    write_masks(path, {1: None, 2: mask, 3: ~mask}, "a", history=())
    assert read_mask(path, 1) is None
    for chip, wanted in ((2, mask), (3, ~mask)):
        found = read_mask(path, chip)
        assert found is not None
        assert np.array_equal(found, wanted)


def test_the_same_masks_give_the_same_bytes(tmp_path: Path) -> None:
    mask = np.random.default_rng(1).random((300, 200)) < 0.5
    for name in ("a.fits", "b.fits"):
        write_masks(tmp_path / name, {1: mask}, "a", history=())
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
