"""Device certificates: registered, adopted, attached, and removed."""
