"""Lineup's HTTP service: seven classic CNNs answering pictures beside each other.

What both halves speak of lies here and imports nothing but itself: settings, errors, uploads, answers. The halves are
`web` (HTTP) and `serving` (what happens between a request and a network); `cli` is the command.
"""

__version__ = "0.1.0"
