"""The tools around the product: set-up, secret scan, deployment files."""
