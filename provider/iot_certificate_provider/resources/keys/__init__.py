"""Private keys and the certificates that go with them: where they are, and who signs with them."""
