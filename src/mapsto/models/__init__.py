"""Networks built from recipes: one family a file, the shared parts in `_layers.py`."""
