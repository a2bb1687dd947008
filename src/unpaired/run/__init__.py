"""What a run's folder holds: `record` is what was trained, `checkpoint` and `checkpoints` how far, `held_out` on which
pictures; `folder` reads what all of it tells.
"""
