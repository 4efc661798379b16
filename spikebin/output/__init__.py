"""What lies in an output directory: jobs.csv, states of sheets, notes of tries, exclusions, id files, and their paths.

Opens no recording and no HDF5.
"""
