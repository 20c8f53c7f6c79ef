"""Alignment of astronomical exposures as a declarative, incremental workflow."""

__version__ = "0.1.0"
