"""Device certificates that the stack issues: with a key made here, or for a signing request of the device."""
