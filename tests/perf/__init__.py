"""Tests of the measuring code."""
