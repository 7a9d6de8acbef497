"""Labelled pictures on disk: what training learns from and evaluation measures on. It reads; it makes nothing."""
