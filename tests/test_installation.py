"""The commands that install the package, run as the README and the page about it show them.

Nothing is downloaded: the new environment sees the packages of the one in which the tests run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest
from test_docs import examples
from test_docs_names import PAGES, ROOT

from tweakreg_steps import __version__

pytestmark = pytest.mark.workflow  # the demo is a run

PYTHON3 = """\
#!/bin/sh
"{python}" "$@" || exit
[ "$2" = venv ] || exit 0
printf '%s\\n' {folders} > "$(echo "$3"/lib/python*/site-packages)/tests.pth"
"""
"""A python3 whose new environments see these folders of packages."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the checkout, without what has been made in it."""
    made = shutil.ignore_patterns(".*", "__pycache__", "images", "dist", "results")
    return shutil.copytree(ROOT, tmp_path / "checkout", ignore=made)


def run(line: str, checkout: Path) -> str:
    """Run a line of a page in the checkout; return what it says."""
    tools = checkout.parent / "tools"
    tools.mkdir(exist_ok=True)
    folders = " ".join(f"'{path}'" for path in sys.path if path.endswith("-packages"))
    (tools / "python3").write_text(PYTHON3.format(python=sys.executable, folders=folders))
    (tools / "python3").chmod(0o755)
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # the package of the environment in which the tests run is seen, too
    offline["PIP_FORCE_REINSTALL"] = "1"
    # read as the value of build_isolation
    offline["PIP_NO_BUILD_ISOLATION"] = "0"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    path = os.pathsep.join([str(tools), str(checkout / ".venv" / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=checkout,
        env={**kept, **offline, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_the_pages_show_installs_the_package(checkout: Path) -> None:
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    first = re.search(r"^```sh\n(python3 -m venv .*)\n\./check\n```$", readme, re.MULTILINE)
    assert first
    assert "aligned" in run(first[1], checkout)
    assert (checkout / "tweakreg_demo" / "results" / "recipe" / "summary.ecsv").is_file()
    in_checkout, of_release = examples("start/installation.md", "sh")
    for line in in_checkout.splitlines()[1:]:  # the first one made the environment of the README
        said = run(line, checkout)
    assert said.split()[-1] == __version__
    run("python -m hatchling build -d .", checkout)
    archive = f"pip install tweakreg_steps-{__version__}.tar.gz\n"
    for line in (of_release, archive):
        run("pip uninstall --yes tweakreg-steps", checkout)
        run(line, checkout)
        assert run(".venv/bin/tweakreg --version", checkout).split()[-1] == __version__


def test_the_extras_that_pages_install_are_there() -> None:
    asked = {
        extra
        for page in PAGES
        for found in re.findall(
            r'"(?:\.|tweakreg-steps)\[([a-z,]+)\]"', page.read_text(encoding="utf-8")
        )
        for extra in found.split(",")
    }
    there = metadata("tweakreg-steps").get_all("Provides-Extra", [])
    assert {"gaia", "gui", "slurm"} <= asked <= set(there)
