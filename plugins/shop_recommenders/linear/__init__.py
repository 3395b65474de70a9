"""Items from items by a learned matrix of weights."""
