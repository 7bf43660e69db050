"""Commands for a running server, through its control plane."""
