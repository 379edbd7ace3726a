"""A hundred thousand device certificates as one resource: manifest, runs, worker and answer."""
