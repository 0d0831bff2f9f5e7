"""A space and a budget to a study: recipes to scores, and the winner among them."""
