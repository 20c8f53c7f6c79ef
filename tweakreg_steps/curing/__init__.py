"""What would align an image that is not aligned: measured where it can be, and said in words."""
