"""Work for several processes, which do not import TensorFlow."""

import collections
import concurrent.futures
import contextlib
import itertools
import os
import pickle
import queue
import signal
import subprocess
import sys
import weakref

from kerasgan.utils.errors import UserError

# `kerasgan` imports its models, and TensorFlow, unless it was called as a command.
SERVE = (
    "import sys; sys.path.pop(0); sys.modules['kerasgan_cli'] = None; "
    "from kerasgan.utils.processes import serve; serve()"
)


def cores():
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


class Pool:
    """Processes that are started when they are first needed, and end with the block or the program.

    Unlike those of `multiprocessing`, they know nothing of the program that starts them: it needs
    no `if __name__ == "__main__"`, and may have threads.

    Args:
        number: Number of processes; by default one for each core.

    Example:

    >>> with Pool(2) as pool:
    ...     list(pool.map(len, ["a", "bc", "def"]))
    [1, 2, 3]
    """

    def __init__(self, number=None):
        self.number = number or cores()
        self.processes, self.idle = contextlib.ExitStack(), None
        weakref.finalize(self, self.processes.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.processes.close()
        self.idle = None

    def map(self, function, tasks):
        """Yields `function(task)` for all tasks, in their order.

        Args:
            function: Picklable function of a module that needs no TensorFlow.
            tasks: Iterable of picklable values, of which two are held for each process.

        Raises:
            UserError: If a process dies, as it does if memory runs out.
        """
        tasks = iter(tasks)
        first = list(itertools.islice(tasks, 2))
        if self.number < 2 or len(first) < 2 or not sys.executable:
            yield from map(function, itertools.chain(first, tasks))
            return
        if self.idle is None:
            self.idle = queue.SimpleQueue()
            for _ in range(self.number):
                self.idle.put(self.processes.enter_context(Process()))
        threads = concurrent.futures.ThreadPoolExecutor(self.number)
        asked = collections.deque()
        try:
            for task in itertools.chain(first, tasks):
                asked.append(threads.submit(self._ask, function, task))
                if len(asked) >= 2 * self.number:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)

    def _ask(self, function, task):
        process = self.idle.get()
        try:
            return process.ask(function, task)
        finally:
            self.idle.put(process)


class Process:
    """A process that answers one question after the other."""

    def __enter__(self):
        path = os.pathsep.join(filter(None, [os.getcwd() if "" in sys.path else "", *sys.path]))
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_):
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self.process.wait()

    def ask(self, function, task):
        try:
            pickle.dump((function, task), self.process.stdin, protocol=5)
            self.process.stdin.flush()
            raised, answer = pickle.load(self.process.stdout)  # this program's own other half
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(
                "A process that reads the data has died: perhaps there is not enough memory."
            ) from error
        if raised:
            raise answer
        return answer


def serve():
    """Answers questions from standard input, in a process of its own, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program that asks decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what others print is no answer
    while True:
        try:
            function, task = pickle.load(sys.stdin.buffer)  # from the program that started this
        except EOFError:
            return
        try:
            answer = (False, function(task))
        except Exception as error:
            answer = (True, error)
        pickle.dump(answer, answers, protocol=5)
        answers.flush()
