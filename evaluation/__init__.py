"""Runs agents over test sets and scores them. A package of simulst-agents."""
