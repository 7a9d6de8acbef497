"""What `make bench` runs, and the figures that it recorded."""
