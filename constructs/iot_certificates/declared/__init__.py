"""Checks at synth of the values that constructs are given, in the words of the deployment. Tokens are left to it."""
