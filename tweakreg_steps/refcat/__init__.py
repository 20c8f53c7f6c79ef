"""Reference catalogs fetched from services, and pinned in a file."""
