"""What became of a run, on one page: `page` puts the sections together."""
