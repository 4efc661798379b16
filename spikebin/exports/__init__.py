"""Data sets for other programs: the old pipeline's files, dense arrays, zarr, and chains of views written down.

Reads through dataset/; matrixfile/ writes matrix files.
"""
