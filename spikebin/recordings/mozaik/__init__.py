"""mozaik datastores: `datastore` is the directory and its trials, `segment` one pickle of spikes.

`interpreter` reads a segment by a kernel that interprets its opcodes; what it does not understand goes to pickles/.
"""
