"""Aligning one image with the reference list, and many in sequence with one that grows."""
