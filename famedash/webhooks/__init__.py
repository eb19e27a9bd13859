"""Telling other systems: every event of a campaign reaches every endpoint it is owed to, in order."""
