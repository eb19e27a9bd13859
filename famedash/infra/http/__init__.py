"""The HTTP edge that every router shares: problems, limits, who is asking."""
