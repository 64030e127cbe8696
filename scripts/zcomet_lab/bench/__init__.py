"""The benchmarks of scripts/bench: a module for each, with a run(lab) that returns rows."""
