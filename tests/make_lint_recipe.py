"""Write a small recipe with its input into a folder and print the recipe's path.

usage: python make_lint_recipe.py FOLDER

``snakemake --lint`` reads the Snakefile, and the Snakefile needs a recipe whose inputs are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tweakreg_steps.demo.demo_exposures import make_demo

folder = Path(sys.argv[1])
make_demo(folder, seed=1)
recipe = folder / "recipe.yaml"
recipe.write_text(
    "input: '*_flc.fits'\nupdate_header: {updatehdr: true}\nshiftfile_output: {shiftfile: true}\n"
)
sys.stdout.write(f"{recipe}\n")
