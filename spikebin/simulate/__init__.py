"""Made-up recordings for the demo, the tests and the benchmarks: a small V1 that looks at pictures.

`v1` says who fires when, `experiment` what is shown and how it is stored; `mozaik_pickles` and `pickle_writer` write
pickles that name classes without importing them.
"""
