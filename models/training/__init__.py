"""How networks are trained: recipes, the trainer, augmentation, the commands.

It may import everything in `models` but evaluation's reports. What it learns from beside the datasets is made in
`scenes`.
"""
