"""Honest twins of strangers that we cannot run here; imported only by `up`, `demo` and tests."""
