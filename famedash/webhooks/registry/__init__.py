"""The webhook endpoints of a workspace: made, shown, changed, tried out and deleted over HTTP."""
