"""The parts of scripts/reliability: a module for each, with a run(lab) that returns a result.

In a result, `failures` are sentences, and `skipped` says why the part could not be run here.
"""
