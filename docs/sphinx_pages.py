"""An extension of Sphinx for this documentation.

Pages that stand in no toctree are listed at the end of the first page, and a wildcard of a toctree
may match nothing yet: a new page never breaks the build. A page may show a file of the checkout.
"""  # noqa: INP001  beside the documentation, not a package

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
_TOCTREE = re.compile(r"^(`{3,}|:{3,})\{toctree\}\n(.*?)^\1", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"<!-- the file ([A-Z_]+\.md) -->")
_MORE = "<!-- pages in no toctree -->"


def unlisted(sources: dict[str, str]) -> list[str]:
    """Return the pages that no toctree names, sorted.

    Parameters
    ----------
    sources
        The text of every page by its name, such as ``howto/gaia``.
    """
    listed = {"index"}
    for page, text in sources.items():
        for match in _TOCTREE.finditer(text):
            for line in match[2].splitlines():
                listed |= _pages_of(line, page, sources)
    return sorted(set(sources) - listed)


def _pages_of(line: str, page: str, names: Iterable[str]) -> set[str]:
    """Return the pages that a line of a toctree stands for."""
    entry = re.sub(r"^.*<(.*)>$", r"\1", line.strip())
    if not entry or entry.startswith(":"):
        return set()
    folder = page.rpartition("/")[0]
    path = entry.lstrip("/") if entry.startswith("/") or not folder else f"{folder}/{entry}"
    pattern = re.compile(re.escape(path).replace(r"\*", "[^/]*"))
    return {name for name in names if name != page and pattern.fullmatch(name)}


def without_unmatched(text: str, page: str, names: Iterable[str]) -> str:
    """Return the text of a page without the wildcards of toctrees that no page matches yet."""

    def kept(match: re.Match[str]) -> str:
        lines = match[0].splitlines()
        return "\n".join(x for x in lines if "*" not in x or _pages_of(x, page, names))

    return _TOCTREE.sub(kept, text)


def text_of_checkout(page: str, text: str) -> str:
    """Return the text of a page that shows a file of the checkout's top folder.

    Its links, which are relative to that folder, are made relative to the page, and those to other
    such files lead to their pages.
    """
    asked = _SHOWN.match(text)
    if asked is None:
        return text
    up = "../" * page.count("/")
    shown = (HERE.parent / asked[1]).read_text(encoding="utf-8")
    for name in ("CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "SECURITY"):
        shown = shown.replace(f"]({name}.md", f"]({name.lower()}.md")
    return shown.replace("](docs/", f"]({up}")


def _complete(app: Any, page: str, text: list[str]) -> None:  # noqa: ANN401  Sphinx is untyped
    """Fit a page to the pages that there are."""
    names = app.env.found_docs
    text[0] = without_unmatched(text_of_checkout(page, text[0]), page, names)
    if page == "index":
        sources = {name: Path(app.env.doc2path(name)).read_text(encoding="utf-8") for name in names}
        more = unlisted(sources)
        tree = "\n".join(["```{toctree}", ":caption: More pages", ":maxdepth: 1", "", *more, "```"])
        text[0] = text[0].replace(_MORE, tree if more else "")


def setup(app: Any) -> dict[str, bool]:  # noqa: ANN401  Sphinx is untyped
    """Connect the extension."""
    app.connect("source-read", _complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
