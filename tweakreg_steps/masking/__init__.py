"""Where sources may be found: exclusion files, DS9 regions, FITS masks and DQ flags."""
