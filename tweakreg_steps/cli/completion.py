"""``tweakreg completion``: what makes a shell complete commands, options and files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Mapping

_BASH = """\
# bash completion of tweakreg; for good: tweakreg completion bash >> ~/.bashrc
_tweakreg() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" options=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    case "$command" in
{cases}
    esac
    case "$word" in
        -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
        *) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
}}
complete -o filenames -F _tweakreg tweakreg
"""
_ZSH = """\
# zsh completion of tweakreg; for good: tweakreg completion zsh >> ~/.zshrc
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
"""
_SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=_SHELLS, help="the shell")


def run(arguments: Namespace) -> int:
    """Print the script, to be sourced."""
    from tweakreg_steps.cli import build_parser, command_names

    options = _options(build_parser(command_names()))
    if arguments.shell == "fish":
        sys.stdout.write(_fish(options))
    else:
        sys.stdout.write((_ZSH if arguments.shell == "zsh" else "") + _bash(options))
    return 0


def _options(parser: ArgumentParser) -> dict[str, list[str]]:
    """Return the options of each command."""
    (commands,) = (each for each in parser._actions if isinstance(each, _SubParsersAction))  # noqa: SLF001  argparse has no other way
    return {
        name: [word for action in own._actions for word in action.option_strings]  # noqa: SLF001
        for name, own in commands.choices.items()
    }


def _bash(options: Mapping[str, list[str]]) -> str:
    """Return the script for bash."""
    cases = "\n".join(
        f'        {name}) options="{" ".join(own)}" ;;' for name, own in options.items()
    )
    return _BASH.format(commands=" ".join(options), cases=cases)


def _fish(options: Mapping[str, list[str]]) -> str:
    """Return the script for fish."""
    lines = ["# fish completion of tweakreg; in ~/.config/fish/completions/tweakreg.fish"]
    for name, own in options.items():
        lines.append(f"complete -c tweakreg -n __fish_use_subcommand -a {name}")
        for word in own:
            kind = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
            seen = f"'__fish_seen_subcommand_from {name}'"
            lines.append(f"complete -c tweakreg -n {seen} {kind}")
    return "\n".join(lines) + "\n"
