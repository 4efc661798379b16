"""Jobs as Slurm arrays: what is submitted, with which script, and what is queued or running."""
