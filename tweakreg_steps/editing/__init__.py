"""Changing a recipe by hand, in the editor of one's choice."""
