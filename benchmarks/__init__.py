"""What spikebin is measured against, and how: ``python -m benchmarks --help``.

Each benchmark is a module with a function ``run(bench) -> Report``. What they share: race.py times contenders against
each other, inputs.py makes what they work on, peers.py says which other packages are there, processes.py runs whole
programs, report.py shows what came out. Nothing here is part of the package.
"""
