"""A user's basket, squeezed through a network and drawn again."""
