"""The official clients, version by version: which are tried, how each is installed apart, and what each can read."""
