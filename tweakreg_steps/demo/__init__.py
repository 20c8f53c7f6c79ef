"""Painted exposures with known errors."""
