"""Several methods on the same pictures for the same time, measured by the same ruler, side by side."""
