"""Streaming metrics: engagement events in, exact counts by minute, hour and in total out."""
