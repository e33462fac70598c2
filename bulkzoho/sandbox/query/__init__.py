"""Conditions on records: COQL and search criteria."""
