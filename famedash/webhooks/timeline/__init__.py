"""What happened to a campaign and what became of telling others, told in words."""
