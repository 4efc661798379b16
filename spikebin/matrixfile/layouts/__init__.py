"""How the trials of a matrix file are laid out: dense, or as gaps between the cells that are not empty."""
