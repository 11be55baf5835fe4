"""From the task records to a Summary: metrics, intervals, laws. Pure."""
