"""Writing solutions into the original files, and taking that back bit for bit."""
