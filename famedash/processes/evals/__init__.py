"""The eval of briefs: fixed requests, checks of their own, shares with intervals. `eval_briefs` runs it."""
