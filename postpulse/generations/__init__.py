"""Generations: full sets of the collections that the analysis derives from the log, one of them served."""
