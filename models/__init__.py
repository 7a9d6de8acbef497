"""What knows pictures and networks, and nothing of HTTP.

The seven networks lie here, one paper a file, with catalog, datasets, classifier, devices and the vote; in their
tables "7x7/2 to 64" is a kernel of 7x7 with stride 2, to 64 channels. The rooms: `intake` (a picture on its way to
28x28), `flip` (which small change turns an answer), `checkpoints`, `compiled` (networks as quick programs for a CPU),
`data` (labelled pictures), `training`, `evaluation`, `studies` (what each idea was worth), `charts` and `report` (what
evaluation found, drawn).
"""
