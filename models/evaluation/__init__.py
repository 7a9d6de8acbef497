"""What networks, gate and the whole way are worth: on test sets, on labelled pictures, and as reports.

It measures what it is given and changes no network; it never imports training.
"""
