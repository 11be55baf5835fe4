"""Tests of the pipeline and the suite; a package, so that tests/app does not shadow app."""
