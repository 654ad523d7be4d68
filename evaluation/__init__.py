"""Runs agents over test sets and scores them."""
