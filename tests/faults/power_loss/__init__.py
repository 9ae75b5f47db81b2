"""R2: what a loss of power may leave of the log's files, state by state, and whether the log is whole in each."""
