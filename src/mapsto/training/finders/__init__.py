"""Finders: batch size, learning rate and number of steps, each from short measurements."""
