"""A drawn world is played in, and everything that can be asked is held against the books."""
