"""The fewest dabs of ink that flip a network's answer, found by forward passes alone.

Knows pictures and probabilities, neither networks nor how they run: whoever drives the search says what they answer.
"""
