"""What became of a run, on one page: `record` reads its files, `page` puts the sections together."""
