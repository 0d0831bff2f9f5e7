"""What is not mapsto's own and is tuned all the same: the same words for it, whatever it is made of."""
