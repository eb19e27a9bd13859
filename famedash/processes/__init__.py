"""Composition only: settings, the command line, one file per process, and `up`, which runs them all."""
