"""AI briefs: an agent with three tools, grounded in a workspace's own data; every answer is checked."""
