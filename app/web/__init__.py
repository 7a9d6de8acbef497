"""HTTP: one file a group of routes, and what reads requests and describes answers. It knows nothing of networks."""
