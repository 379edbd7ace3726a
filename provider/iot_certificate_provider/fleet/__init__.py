"""A fleet of device certificates as one resource: manifest, runs, worker and answer."""
