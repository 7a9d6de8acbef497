"""What each idea of the seven networks was worth: small experiments on Fashion-MNIST, a module each, run by
``python -m models.studies``.
"""
