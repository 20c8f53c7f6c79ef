"""The three streams that every program begins with, where one is closed or has no room."""

from __future__ import annotations

import os
import sys

from tweakreg_steps.errors import JobFailedError

_STREAMS = ("stdin", "stdout", "stderr")


def open_closed_streams() -> None:
    """Lead the streams that the program was started without (``2>&-``) to nowhere.

    Without them the first files that it opened would have their numbers, and whatever it or a
    program that it starts had to say would go into those.
    """
    for number, name in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)  # noqa: FBT003  it takes no keyword
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def flush_results() -> None:
    """Send what was written to stdout to where it leads.

    Raises
    ------
    JobFailedError
        There is no room, or another trouble of a disk; what reads a pipe may end as it likes.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise JobFailedError(
            f"cannot write the results to stdout: {error.strerror}; what was run is done"
        ) from error
