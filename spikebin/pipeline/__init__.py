"""From a config to files: the plan, its jobs, running them here, and one step without a plan.

Joins the other packages; what a recording or a matrix file is, is known there.
"""
