"""What the server costs: measured beside what it is compared with, printed as ratios. See docs/performance.md."""
