"""Engines that move records: importer, exporter, verifier, and what they share."""
