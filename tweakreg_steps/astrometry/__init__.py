"""Between pixels and sky: undistortion, the reference plane, and applying a fit to a WCS."""
