"""Rows changed at random while a network trains, without a change of what they mean: one augmentation a file."""
