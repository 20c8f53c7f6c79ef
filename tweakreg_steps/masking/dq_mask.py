"""Good pixels from data quality flags: the parameter ``dqbits``.

The syntax is that of ``astropy.nddata.bitmask``: the bits that count as good as a number (``6``), a
sum (``2+4``) or a list (``2,4``); behind ``~``, or as a negative number, the bits that are bad.
``0`` lets no flag count as good; ``None`` leaves the flags unused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tweakreg_steps.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tweakreg_steps.arrays import BoolArray

_ALLOWED = (
    "allowed are a number (6), flags as a sum (2+4) or list (2,4) of powers of two, those behind "
    "'~' or a negative number for the bad bits (~4,8), 0 for 'any flag is bad', and null for "
    "'do not use the flags'"
)


def dqbits_problem(dqbits: object) -> str | None:
    """Say what is wrong with a value of ``dqbits``; None when nothing is."""
    if dqbits is None:
        return None
    if isinstance(dqbits, bool) or not isinstance(dqbits, int | str):
        return f"dqbits: {dqbits!r} is not a set of flags; {_ALLOWED}"
    from astropy.nddata.bitmask import interpret_bit_flags

    try:
        if interpret_bit_flags(dqbits) is None:
            return f"dqbits: write null, not {dqbits!r}, to leave the flags unused"
    except (ValueError, TypeError) as error:
        return f"dqbits: {dqbits!r}: {error}; {_ALLOWED}"
    return None


def good_pixels(dq: NDArray[np.integer[Any]], dqbits: int | str) -> BoolArray:
    """Pixels without a bad flag.

    Parameters
    ----------
    dq
        Flags, any shape.
    dqbits
        Bits that count as good, in the syntax above.

    Returns
    -------
    ndarray of bool
        True where every flag set counts as good.

    Raises
    ------
    InputError
        ``dqbits`` cannot be understood, or the array does not hold whole numbers.
    """
    import numpy as np
    from astropy.nddata.bitmask import bitfield_to_boolean_mask

    if problem := dqbits_problem(dqbits):
        raise InputError(problem)
    if not np.issubdtype(dq.dtype, np.integer):
        raise InputError(f"the DQ array holds {dq.dtype}, not whole numbers; set dqbits to null")
    good = bitfield_to_boolean_mask(dq, ignore_flags=dqbits, good_mask_value=True, dtype=bool)
    return np.asarray(good, dtype=bool)
