"""``python -m tweakreg_steps`` is the command ``tweakreg``."""

import sys

from tweakreg_steps.cli import main

if __name__ == "__main__":
    sys.exit(main())
