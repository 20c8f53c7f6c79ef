"""All exposures at once: one solution of every correction and every star."""
