"""Users and items as vectors whose products are scores."""
