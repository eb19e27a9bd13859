"""Campaigns: their life, their history, and the announcement of every change."""
