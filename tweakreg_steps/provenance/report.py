"""An ancestry in words, as an indented tree, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tweakreg_steps.provenance.ancestry import Made
from tweakreg_steps.provenance.user_inputs import State, UserInput
from tweakreg_steps.records.canonical import canonical_json
from tweakreg_steps.records.library_versions import PACKAGE
from tweakreg_steps.records.statement import Said

_INDENT = "    "
_PARTS_OF_STATEMENT = {"parameter": "parameters", "input": "inputs", "from": "upstream"}
"""What a statement says, by the word that begins its lines; an aligned file says none of it."""
_SHOWN = 3
"""So many products of a job are named, and so many files that count together."""
_DIGEST = 16
_PRODUCT_STATES = {
    State.CURRENT: "",
    State.CHANGED: ", changed since it was made",
    State.MISSING: ", not there any more",
}


def text_of_ancestry(made: Made, *, product: str) -> str:
    """Return the ancestry of a product as an indented tree; each ancestor is described once.

    Parameters
    ----------
    made
        The job that made it.
    product
        Its name, relative to the output folder.
    """
    lines = [*_lines(made, [product], set(), 0), *_libraries(made)]
    return "\n".join(lines) + "\n"


def tree_of_ancestry(made: Made) -> dict[str, Any]:
    """Return an ancestry for programs; of an ancestor that was described, only its name."""
    return _tree(made, set())


def text_of_statements(statements: Sequence[Said]) -> str:
    """Return in words what a file says of its making, the last first."""
    lines: list[str] = []
    for said in reversed(statements):
        job = f"{said['rule']} {said['job']}: " if "rule" in said else ""
        made = f"{job}{PACKAGE} {said['version']}"
        lines += [
            f"made by {made}, recipe {said['recipe_digest']}, stamp {said['stamp']}",
            *(
                line
                for title, part in _PARTS_OF_STATEMENT.items()
                if part in said
                for line in _values(title, said[part])
            ),
            "of a file that was",
        ]
    return "\n".join(lines[:-1]) + "\n"


def _lines(made: Made, shown: Sequence[str], told: set[int], depth: int) -> Iterator[str]:
    """Yield the lines about a job and its ancestors."""
    indent = _INDENT * depth
    names = ", ".join(f"{name}{_PRODUCT_STATES[made.products[name]]}" for name in shown)
    more = len(made.products) - len(shown)
    hidden = f" and {more} more" if depth and more else ""
    if id(made) in told:
        yield f"{indent}{names}{hidden}: see above"
        return
    told.add(id(made))
    version = made.versions.get(PACKAGE, "of an unknown version")
    yield f"{indent}{names}{hidden}"
    indent += "  "
    recipe = f", recipe {made.recipe_digest}" if made.recipe_digest else ""
    yield f"{indent}made by {made.rule} {made.job}: {PACKAGE} {version}{recipe}"
    yield from (f"{indent}{text}" for text in _values("parameter", made.parameters))
    yield from (f"{indent}{text}" for text in _values("told", made.told))
    yield from (f"{indent}{_input_text(read)}" for read in made.inputs)
    yield from (f"{indent}{rule} was run again since" for rule in made.made_again)
    for job in made.upstream:
        yield from _lines(job, _taken(job, made), told, depth + 1)


def _taken(job: Made, by: Made) -> list[str]:
    """Return the products of a job to name where another one takes them: those of its image."""
    own = [name for name in job.products if f"/{by.job}." in f"/{name}"]
    return (own or list(job.products))[:_SHOWN]


def _values(title: str, tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a line for each value of a tree, under its dotted name."""
    for key, value in tree.items():
        name = (*path, key)
        if isinstance(value, Mapping) and value:
            yield from _values(title, value, name)
        else:
            yield f"{title} {'.'.join(name)}: {canonical_json(value)}"


def _input_text(read: UserInput) -> str:
    """Describe what was read of the user's files."""
    paths = ", ".join(read.paths[:_SHOWN]) or "a file that no recipe names any more"
    more = f" and {len(read.paths) - _SHOWN} more" if len(read.paths) > _SHOWN else ""
    digests = ", ".join(
        f"{label} {digest[:_DIGEST]}".strip() for label, digest in read.digests.items()
    )
    return f"read {read.what} of {paths}{more} ({digests}): {read.state}"


def _libraries(made: Made) -> Iterator[str]:
    """Yield with what all that was made."""
    found: dict[str, dict[str, None]] = {}
    for job in _all_jobs(made, {}).values():
        for name, version in job.versions.items():
            found.setdefault(name, {})[version] = None
    texts = [f"{name} {'/'.join(versions)}" for name, versions in found.items()]
    if texts:
        yield f"made with {', '.join(texts)}"


def _all_jobs(made: Made, found: dict[int, Made]) -> dict[int, Made]:
    """Collect a job and its ancestors."""
    if id(made) not in found:
        found[id(made)] = made
        for job in made.upstream:
            _all_jobs(job, found)
    return found


def _tree(made: Made, told: set[int]) -> dict[str, Any]:
    """Return a job and its ancestors."""
    name: dict[str, Any] = {"rule": made.rule, "job": made.job, "stamp": made.stamp}
    if id(made) in told:
        return {**name, "described_before": True}
    told.add(id(made))
    return {
        **name,
        "recipe_digest": made.recipe_digest,
        "versions": dict(made.versions),
        "products": {product: state.value for product, state in made.products.items()},
        "parameters": made.parameters,
        "told": made.told,
        "inputs": [
            {
                "what": read.what,
                "paths": list(read.paths),
                "digests": dict(read.digests),
                "state": read.state.value,
            }
            for read in made.inputs
        ],
        "run_again_since": list(made.made_again),
        "upstream": [_tree(job, told) for job in made.upstream],
    }
