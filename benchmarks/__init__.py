"""Speed alone.  `python benchmarks` measures every part; each script beside it asks a question of its own."""
