"""The pages that show a run: what they hold, and how they are written."""
