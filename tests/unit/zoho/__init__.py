"""Tests of the package that speaks HTTP."""
