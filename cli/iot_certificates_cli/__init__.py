"""The operator's command line: what is registered, what was left behind, and whether all is well."""
