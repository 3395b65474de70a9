"""Counts, means and centred second moments that add up, in place of rows."""
