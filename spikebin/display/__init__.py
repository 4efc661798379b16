"""Spikes as pictures: files with matplotlib, and lines of text for a terminal."""
