"""Statistics for the decisions: plain Python, standard library only, so that it runs in the browser too.

Probabilities and shares are floats from 0 to 1, never percent. Every function raises ``ValueError`` that names
the argument, what is allowed and what was given.
"""
