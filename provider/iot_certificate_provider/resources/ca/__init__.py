"""CA certificates: registered, self-signed, or of a private CA, and the devices that are deleted with them."""
