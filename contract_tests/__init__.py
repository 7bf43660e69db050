"""THE CONTRACT: a suite that speaks HTTP only and checks any implementation against the spec."""
