"""Ways to divide rows into parts and folds: one file each, found by its name."""
