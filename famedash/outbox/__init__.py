"""The ledger of domain events, written inside a feature's transaction; its worker is the relay."""
