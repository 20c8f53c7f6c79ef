"""Which source is which, and the transformation between the lists."""
