"""Runs side by side: `side_by_side` gathers and measures them, `comparison` is what came of it, `page` shows it."""
