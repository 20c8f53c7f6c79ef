"""Every command and every piece of Python that a page shows is run by a test, or says why not.

Recipes (YAML) are no part of this: all of them are validated (`test_docs_names`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_docs_names import PAGES, ROOT, blocks, page_id

RUN_BY = {
    "CONTRIBUTING.md": "check",
    "README.md": "tests/test_readme.py",
    "docs/howto/astrodrizzle.md": "tests/test_astrodrizzle.py",
    "docs/howto/many_visits.md": "tests/test_many_visits.py",
    "docs/howto/nightly.md": "tests/test_docs_python.py",
    "docs/howto/notebooks.md": "tests/test_docs_python.py",
    "docs/importing.md": "tests/test_docs.py",
    "docs/module.md": "tests/test_module.py",
    "docs/provenance.md": "tests/test_docs_python.py",
    "docs/python.md": "tests/test_docs.py",
    "docs/start/installation.md": "tests/test_installation.py",
    "docs/start/tutorial.md": "tests/test_walks.py",
    "examples/catalog/README.md": "tests/test_walks.py",
    "examples/one_visit/README.md": "tests/test_walks.py",
    "examples/wrong_pointing/README.md": "tests/test_walks.py",
}
"""The test that runs the examples of a page."""
NOT_RUN = {
    "docs/cluster.md": "needs a cluster; tests/test_slurm.py runs on a small one",
    "docs/gui.md": "a tunnel (ssh) needs a computer that lets one in, and a notebook a browser"
    " that shows it; tests/test_gui_browser.py opens the same page on this one",
    "docs/howto/gaia.md": "asks an archive; tests/test_refcat.py has its answers replayed",
    "docs/howto/grism.md": "names files that nobody else has; tests/test_transfer.py has others",
    "docs/project/releasing.md": "publishes; tests/test_installation.py builds the same archives",
}
"""Pages whose examples are not run as they stand, and why."""
FRAGMENTS = {
    "docs/extending.md": ("tweakreg_steps/steps/products.py", "rules/alignment.smk"),
}
"""Pages that show pieces of our own files, in their order."""
LANGUAGES = ("sh", "bash", "console", "python")


def snippets(name: str) -> list[str]:
    """Return the commands and the pieces of Python that a page shows."""
    return list(blocks((ROOT / name).read_text(encoding="utf-8"), *LANGUAGES))


def commands(text: str) -> set[str]:
    """Return the commands of tweakreg in a text: their first two words."""
    lines = (line.split() for line in text.splitlines())
    return {" ".join(words[:2]) for words in lines if len(words) > 1}


@pytest.mark.parametrize("page", [page for page in map(page_id, PAGES) if snippets(page)])
def test_what_a_page_shows_is_run_or_says_why_not(page: str) -> None:
    if page in FRAGMENTS:
        for shown, source in zip(snippets(page), FRAGMENTS[page], strict=True):
            assert shown in (ROOT / source).read_text(encoding="utf-8")
    elif page in RUN_BY:
        assert (ROOT / RUN_BY[page]).is_file()
    elif page not in NOT_RUN:
        readme = "\n".join(snippets("README.md"))
        assert commands("\n".join(snippets(page))) <= commands(readme), "not run by any test"


def test_the_lists_name_pages_that_show_something() -> None:
    for page in (*RUN_BY, *NOT_RUN, *FRAGMENTS):
        assert snippets(page), page
    assert not set(RUN_BY) & set(NOT_RUN)


def test_a_page_is_named_where_it_is_run() -> None:
    for page, test in RUN_BY.items():
        name = page.removeprefix("docs/")
        text = (ROOT / test).read_text(encoding="utf-8")
        assert name in text or Path(test).stem in {"check", "test_walks"}, page
