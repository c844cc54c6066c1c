"""Comparisons with other ways to build the same thing: ratios within one run, on the same servers."""
