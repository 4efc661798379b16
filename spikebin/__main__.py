"""The command ``spikebin``, which is ``python -m spikebin``, too."""

import signal

__all__ = ["main"]


def main() -> None:
    """Run the command line; until it is loaded, which takes a while, Ctrl-C ends it without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from spikebin.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
