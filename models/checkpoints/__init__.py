"""Where checkpoints lie, their file format, and how a classifier is saved and loaded; no pickle anywhere."""

from models.checkpoints.classifiers import SUFFIX, load, path_for, save, weights_root
from models.checkpoints.file_format import CheckpointError, read_header

__all__ = ["SUFFIX", "CheckpointError", "load", "path_for", "read_header", "save", "weights_root"]
