"""The ledger of answered requests, written inside the transaction of the change that was answered."""
