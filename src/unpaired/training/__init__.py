"""From two folders to a run: `run` is the way in, `start` prepares, `loop` goes round, `engine` steps."""
