"""COQL and export filters: parse, translate, build queries.  Pure."""
