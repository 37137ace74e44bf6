"""Evaluates: judges the facts of a run by its controls, without a call to AWS; every cell of the plan gets a status."""
