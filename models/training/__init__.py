"""How networks are trained: recipes, the trainer, augmentation, and what it is all learned from."""
