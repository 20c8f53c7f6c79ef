"""What a library stumbles over in a file is damage in the file, and is said by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tweakreg_steps.errors import InputError, TweakRegError


@contextmanager
def damage_named(what: str) -> Iterator[None]:
    """Have a library read a part of a file.

    astropy raises what Python raises, of almost any kind, where keywords or bytes are not what it
    expects. Only calls that read belong in here.

    Parameters
    ----------
    what : str
        File and part, for the message.

    Raises
    ------
    InputError
        The part cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except TweakRegError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise InputError(
                f"{what} cannot be read ({reason}): damaged, or described by keywords that are; "
                "fetch or write the file again"
            ) from error
