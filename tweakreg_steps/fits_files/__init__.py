"""Exposures as FITS files: chips, pixels, headers, masks and aligned copies."""
