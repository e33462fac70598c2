"""Concurrency shared by the engines: retries, stop signal, channel, run monitor."""
