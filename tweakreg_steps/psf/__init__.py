"""Positions by fitting the point spread function: the model, the fit, and its building."""
