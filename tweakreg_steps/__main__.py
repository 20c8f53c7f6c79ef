"""``python -m tweakreg_steps`` is the command ``tweakreg``."""

from tweakreg_steps.cli import command

if __name__ == "__main__":
    command()
