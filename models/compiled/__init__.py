"""Checkpoints as graphs for ONNX Runtime: made without torch, int8 where that is quicker and as right, kept in a cache.

``compiler`` makes them, from a skeleton (``graph``) and a checkpoint, in a form (``forms``, ``int8``) that the record
beside the checkpoint allows (``record``); ``cache`` keeps them; ``runner`` runs them and knows nothing of the rest.
"""
