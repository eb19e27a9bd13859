"""Creators' results, loaded from CSV files and ranked: every row is accepted, or rejected with a reason."""
