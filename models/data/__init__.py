"""Labelled pictures on disk, from which networks learn and on which they are measured."""
