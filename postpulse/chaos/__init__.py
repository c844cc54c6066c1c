"""Proof by killing: a cluster on this machine, steady load, one fault after the other, and an independent count."""
