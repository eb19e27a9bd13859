"""AI briefs: an agent with three tools, grounded in the workspace's own data, whose every answer was checked."""
