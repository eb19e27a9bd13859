"""What a workspace knows of its brands: documents in chunks, embedded, searched with pgvector."""
