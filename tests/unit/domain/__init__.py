"""Tests of decisions that wait for nothing."""
