"""Parameters and batches to better parameters, and a trace."""
