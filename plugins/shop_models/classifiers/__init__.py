"""Classifiers of rows of columns: what each says of a label, for `python -m framework classify`."""
