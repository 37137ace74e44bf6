"""Collects facts: the stage that talks to AWS."""
