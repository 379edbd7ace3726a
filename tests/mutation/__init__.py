"""Whether tests notice a change of what the provider decides: one change at a time, most have to fail a test."""
