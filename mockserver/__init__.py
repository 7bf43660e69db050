"""A fake Trophy: the API of Trophy (v1.8.0), served from its own OpenAPI document, with state."""
