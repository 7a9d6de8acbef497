"""Lineup's HTTP service: seven classic CNNs answering pictures beside each other."""

__version__ = "0.1.0"
