"""Build and check the files of a release: wheel, source distribution, a function's asset a runtime, SBOM, checksums."""
