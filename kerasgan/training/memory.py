"""Memory that a training takes."""

import sys
import threading
from pathlib import Path

import numpy as np


def weight_gigabytes(gan):
    """Memory of a compiled model's weights and optimizers, in 10^9 bytes."""
    weights = [*gan.weights, *gan.optimizer_variables]
    return sum(np.prod(w.shape) * np.dtype(w.dtype).itemsize for w in weights) / 1e9


def peak_gigabytes():
    """Peak resident memory of this process so far, in 10^9 bytes; `None` on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1e9 if sys.platform == "darwin" else kilobytes * 1024 / 1e9


def anonymous_gigabytes():
    """Memory of this process in 10^9 bytes, without what is mapped from files; needs Linux."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError("/proc/self/status has no RssAnon")


class Highest:
    """Samples `anonymous_gigabytes` while the block runs: `before` it, and the `most` since."""

    def __enter__(self):
        self.before, self.most, self.done = anonymous_gigabytes(), 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.05):
            self.most = max(self.most, anonymous_gigabytes())

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.most = max(self.most, anonymous_gigabytes())
