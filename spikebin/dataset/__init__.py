"""Matrix files of many parts as lazy arrays, and views of them: neurons, windows, coarser bins, trials, repeats.

Reads matrix files through matrixfile/; writes nothing. `training` hands trials to PyTorch, `sparse` to scipy.
"""
