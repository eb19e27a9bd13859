"""What a brief must hold, whoever wrote it: limits, tags, claims, leaks; read, mended, judged. All pure."""
