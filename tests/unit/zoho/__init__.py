"""Tests of the Zoho client."""
