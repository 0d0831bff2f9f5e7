"""Where trials are written down besides the run folder, where a user keeps experiments: one service a file."""
