"""Looks at parts that any deployment has: what is wrong, and what would be right. None changes it."""
