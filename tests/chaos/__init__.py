"""Kills, pauses and outages, with real processes: what FameDash promises when something dies."""
