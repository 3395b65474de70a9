"""Log in, clean tables out."""
