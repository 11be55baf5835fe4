"""From the task records to a Summary, and whether it can be trusted."""
