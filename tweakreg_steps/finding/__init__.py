"""Sources in pixels: the noise of the sky and DAOFIND."""
