"""What `make bench` and `make bench-intake` run, and the figures that they recorded."""
