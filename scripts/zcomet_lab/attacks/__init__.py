"""Attacks on a running cluster, a module for each, with a bystander beside them.

Each module has a function `run(lab)`, which returns figures (scene.Figures): how the bystander's
messages fared, what the broker's memory was before, at its peak and a while after, and what the
broker counted.
"""
