"""HTTP: one file a group of routes, and what reads requests and describes answers.

It asks `app.serving` and knows nothing of `models`.
"""
