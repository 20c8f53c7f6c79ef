"""The pages' templates, and the library that draws on them.

Bokeh draws in the browser, by its own JavaScript interface (``Bokeh.Plotting``): a page holds the
numbers, and a script that makes figures of them. So nothing of Bokeh is imported here (0.8 s CPU),
no figure is made that nobody looks at, and the same numbers give the same bytes.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_steps.errors import JobFailedError

if TYPE_CHECKING:
    from jinja2 import Environment

_PAGES = Path(__file__).resolve().parent / "pages"
_NO_NUMBER = "\N{EN DASH}"
_LEAST_CHANCE = 1e-10
"""Below it nobody asks how small a probability is."""
_SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")


def render(page: str, values: Mapping[str, Any]) -> str:
    """Fill in a page; whatever the values hold is text there, and no markup.

    Parameters
    ----------
    page
        Name of a template.
    values
        What it shows, by the names in it.
    """
    return _environment().get_template(page).render(values)


def read_templates() -> None:
    """Read all templates: the warm process does it once for all pages."""
    for page in _environment().list_templates():
        _environment().get_template(page)


@cache
def _environment() -> Environment:
    """Return what fills in the templates, and keeps those that it has read."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": True,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    environment.filters["number"] = format_number
    environment.filters["chance"] = format_chance
    return environment


def format_number(value: object, digits: int = 2) -> str:
    """Write a number with some digits behind the point, a dash for none."""
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124  nan
        return _NO_NUMBER
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if not text.strip("-0.") else text).replace("-", "\N{MINUS SIGN}")


def format_chance(probability: float | None) -> str:
    """Write a probability that is an upper limit."""
    if probability is None:
        return _NO_NUMBER
    return "< 1e-10" if probability < _LEAST_CHANCE else f"{probability:.1e}"


@cache
def pages_digest() -> str:
    """Return a digest of all templates: a page is stale when its template has changed."""
    found = hashlib.sha256()
    for path in sorted(_PAGES.iterdir()):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def drawing_script() -> str:
    """Return the JavaScript of Bokeh, from the installed package.

    Raises
    ------
    JobFailedError
        It is not installed.
    """
    spec = importlib.util.find_spec("bokeh")
    if spec is None or not spec.submodule_search_locations:
        raise JobFailedError("bokeh is not installed, which draws the report; install it again")
    folder = Path(spec.submodule_search_locations[0]) / "server" / "static" / "js"
    texts = [(folder / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return "\n".join(text.replace("</script", "<\\/script") for text in texts)
