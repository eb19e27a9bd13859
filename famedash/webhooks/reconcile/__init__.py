"""The proof that every committed version reached a final state, and the repair of those that did not."""
