"""Arrival schedules (pure) and what sends them."""
