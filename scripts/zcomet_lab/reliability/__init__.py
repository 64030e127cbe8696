"""The runs behind scripts/reliability: one module for each part, each with a `run(lab)` that returns what
came of it. Everywhere `failures` are sentences, and `skipped` says why a run could not be made here."""
