"""Transfers to another account, and the decision that the target account takes."""
