"""Tests of the web tier on real parts."""
