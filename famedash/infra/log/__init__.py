"""The partitioned log: appended by a relay, read by owners with a position. Redis now, Kafka beside it."""
