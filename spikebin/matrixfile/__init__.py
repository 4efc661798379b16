"""One matrix file: its schema, its writer, its reader, its seal, and whether it is complete.

Knows HDF5; knows nothing of raw formats, plans or configs. `layouts/` is how trials lie in a file.
"""
