"""What was measured of the checkpoints, drawn: `python -m models.report`. Needs the extras `report` and `torch`."""
