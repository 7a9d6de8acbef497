"""The making of pictures to learn from: as people send them, and strangers to both datasets.

Every function that draws does so from the generator that it is given; nothing here knows a network.
"""
