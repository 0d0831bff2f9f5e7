"""Where jobs are trained: one place a file, all with the same results."""
