"""What a user would run instead of Lineup: the same networks and checkpoints behind a tutorial's FastAPI, LitServe and
BentoML. `bench.serving` starts each of them alone.
"""
