"""Crash tests: kill the program, fail its disk, lose and duplicate its calls, then check its guarantees."""
