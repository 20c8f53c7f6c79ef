"""The page of the command line, from the parsers of the commands; part of make_reference.py."""  # noqa: INP001

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tweakreg_steps.cli import build_parser

TEXT = """\
Messages go to standard error, results to standard output.
[Exit status](exit_status.md) says what the number means that a command ends with.
`python -m tweakreg_steps` is the same program; `tweakreg COMMAND --help` prints what stands here.
"""


def lines(note: str) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Command line"
    yield note
    yield TEXT
    yield "| command | does |"
    yield "|---|---|"
    commands = _commands()
    for name, (text, _) in commands.items():
        yield f"| [`tweakreg {name}`](#tweakreg-{name}) | {text} |"
    for name, (text, parser) in commands.items():
        yield ""
        yield f"## tweakreg {name}"
        yield ""
        yield f"{text[0].upper()}{text[1:]}."
        yield from _arguments(parser)


def _commands() -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Return one line about each command, and its parser."""
    plain = _subparsers(build_parser([]))
    texts = {choice.dest: choice.help or "" for choice in plain._choices_actions}  # noqa: SLF001
    return {
        name: (texts[name], _subparsers(build_parser([name])).choices[name])
        for name in plain.choices
    }


def _subparsers(
    parser: argparse.ArgumentParser,
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Return the action of a parser that holds its commands."""
    return next(
        action
        for action in parser._actions  # noqa: SLF001  argparse has no public way
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    )


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the table of a command's arguments, and those of commands below it."""
    actions = [
        action
        for action in parser._actions  # noqa: SLF001
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)  # noqa: SLF001
    ]
    below = [action for action in actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    rows = [action for action in actions if action not in below]
    if rows:
        yield ""
        yield "| argument | what |"
        yield "|---|---|"
        for action in rows:
            yield f"| {_spelling(action)} | {_text(action, parser)} |"
    for action in below:
        for name, command in action.choices.items():
            yield ""
            yield f"### {parser.prog} {name}"
            if command.description:
                yield ""
                yield command.description
            yield from _arguments(command)


def _spelling(action: argparse.Action) -> str:
    """Return how an argument is written."""
    name = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    value = " ".join(name) if isinstance(name, tuple) else str(name)
    if not action.option_strings:
        optional, many = action.nargs in ("?", "*"), action.nargs in ("*", "+")
        value = f"{value}…" if many else value
        return f"`[{value}]`" if optional else f"`{value}`"
    suffix = "" if action.nargs == 0 else f" {value}"
    return ", ".join(f"`{option}{suffix}`" for option in action.option_strings).replace("|", "\\|")


def _text(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """Return what the help says of an argument."""
    values = {**vars(action), "prog": parser.prog}
    text = " ".join((action.help or "").split()) % values if action.help else ""
    return text.replace("|", "\\|")
