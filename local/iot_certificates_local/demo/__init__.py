"""What `make demo` runs: three stories, told on the screen."""
