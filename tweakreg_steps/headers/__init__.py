"""Applying a fit to a WCS: the solution, and the headers, copies and headerlets that hold it."""
