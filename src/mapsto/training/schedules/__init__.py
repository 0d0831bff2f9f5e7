"""How the step size changes over a training: one schedule a file."""
