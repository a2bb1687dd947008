"""A run at work: `translator` translates arrays and pictures, `batch` files and folders, `video` films;
`hub` publishes it."""
