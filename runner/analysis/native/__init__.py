"""The kernel of the analysis in C, and how its wheels are built."""
