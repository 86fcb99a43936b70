"""A process as the chaos run starts them, with nothing behind it: says what it was told, and stands until it is told to end.

python -m tests.simulation.standing --shards 1,3
"""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    # It is waited for below, also where it comes before.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    sys.stdout.write(" ".join(sys.argv[1:]) + "\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
