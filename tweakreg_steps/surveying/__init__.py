"""A look at the files that a recipe names, before any job: what is wrong, and digests."""
