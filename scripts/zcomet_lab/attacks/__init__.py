"""Attacks on a running cluster that need no key: a module for each, with a bystander beside them.

Each module has an ATTACK (scene.Attack), which describes it and says what it cost before anything
was done against it, and a function `run(lab)`, which builds a scene, attacks it, and returns it
(scene.Scene). A new attack is one new module and one row of runs.ATTACKS.
"""
