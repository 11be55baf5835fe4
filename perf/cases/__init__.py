"""What can be run: a file for each kind of case, its axes and options. Data only."""
