"""What to predict, the loss, the metrics, and how to show it: one task a file."""
