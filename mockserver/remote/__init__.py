"""Commands that ask a server which runs, through its control plane."""
