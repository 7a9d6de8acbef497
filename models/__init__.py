"""The networks, their training, and the way of a picture to them: everything that needs torch and nothing that
needs HTTP.
"""
