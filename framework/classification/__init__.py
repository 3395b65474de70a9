"""`python -m framework classify`: which classifier tells the label from the columns, or from a text, and how sure."""
