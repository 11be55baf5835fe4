"""`python -m perf`: the suite's stages by hand. Arguments and prints, nothing else."""
