"""Recordings on one clock: spikes and a table of events that cuts them into trials.

What the formats without presentations share; each format itself is a module of recordings/.
"""
