"""Alignment of astronomical exposures as a declarative, incremental workflow."""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; importing typing would double a step's start-up
if TYPE_CHECKING:
    from tweakreg_steps.tweakreg import TweakReg

__version__ = "0.2.0"

__all__ = ["TweakReg", "__version__"]


def __getattr__(name: str) -> object:
    """Import what the package offers when it is asked for: its commands must start soon."""
    if name == "TweakReg":
        from tweakreg_steps.tweakreg import TweakReg

        return TweakReg
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
