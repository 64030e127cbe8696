"""The benchmark suite behind scripts/bench: one module for each benchmark, each with a `run(lab)` that
returns rows for the table."""
