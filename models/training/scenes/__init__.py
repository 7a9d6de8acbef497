"""The making of pictures to learn from: as people send them, and strangers to both datasets."""
