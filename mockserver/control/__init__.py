"""The control plane: what a test may do to a world from outside. It moves and reads worlds; it has no rules."""
