"""Who is asking: JSON Web Tokens, by a shared secret or by a JWKS."""
