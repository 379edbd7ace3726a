"""Device certificates: registered, adopted, changed, and deleted."""
