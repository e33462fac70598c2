"""Accounts, profiles, OAuth tokens and data centers."""
