"""What knows pictures and networks, and nothing of HTTP.

The seven networks lie here, one paper a file, with catalog, datasets, classifier, devices and the vote. The rooms:
`intake` (a picture on its way to 28x28), `checkpoints`, `data` (labelled pictures), `training`, `evaluation`.
"""
