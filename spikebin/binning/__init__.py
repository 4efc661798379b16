"""From spike times to bins: the rules, one trial at a time, and whole arrays in memory.

Knows no file and no format. `rules` says which bin a time belongs to, `intervals` which stretch of time it lies in,
`trial` bins one trial; `bin_spikes` and `bin_trials` are the calls for arrays, `arguments` checks what they are given.
"""
