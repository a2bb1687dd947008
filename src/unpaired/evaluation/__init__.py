"""Are translations good? `run` measures a run, `measures` are the scores, `checkup` looks at a data set before."""
