"""Tests of the command line without a process of its own."""
