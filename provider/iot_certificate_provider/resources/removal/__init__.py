"""Removing device certificates: what they are attached to, one certificate, and several at a time."""
