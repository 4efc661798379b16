"""Pickles read as data: no code that they name is ever imported or run.

Serves mozaik datastores, the index files of the old pipeline, and any other pickle that a user hands in.
"""
