"""Classifiers of texts, English and Chinese: what each says of a label, for `python -m framework classify`."""
