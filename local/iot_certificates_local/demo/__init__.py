"""What `make demo` runs: two stories, told on the screen."""
