"""The program's promises hold when it is killed, starved, raced and given wrong responses."""
