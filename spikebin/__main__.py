"""``python -m spikebin`` is the command ``spikebin``."""

from spikebin.cli import main

if __name__ == "__main__":
    main()
