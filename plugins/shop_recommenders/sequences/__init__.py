"""What comes next, from what came before."""
