"""What a user writes: the recipe, its schema and rules, and the exposures it names."""
