"""Work for several processes, which do not import TensorFlow."""

import collections
import concurrent.futures
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys

from kerasgan.utils.errors import UserError

# `kerasgan` imports its models, and TensorFlow, unless it was called as a command.
SERVE = (
    "import sys; sys.modules['kerasgan_cli'] = None; "
    "from kerasgan.utils.processes import serve; serve()"
)


def cores():
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def mapped(function, tasks, processes=None):
    """Yields `function(task)` for all tasks, in their order, computed by several processes.

    Unlike those of `multiprocessing`, the processes know nothing of the program that starts them:
    it needs no `if __name__ == "__main__"`, and may have threads.

    Args:
        function: Picklable function of a module that needs no TensorFlow.
        tasks: List of picklable values.
        processes: Their number; by default one for each core.

    Raises:
        UserError: If a process dies, as it does if memory runs out.

    Example:

    >>> list(mapped(len, ["a", "bc", "def"], processes=2))
    [1, 2, 3]
    """
    number = min(processes or cores(), len(tasks))
    if number < 2 or not sys.executable:
        yield from map(function, tasks)
        return
    with contextlib.ExitStack() as stack:
        idle = queue.SimpleQueue()
        for _ in range(number):
            idle.put(stack.enter_context(Process()))
        threads = concurrent.futures.ThreadPoolExecutor(number)
        stack.callback(threads.shutdown, cancel_futures=True)

        def ask(task):
            process = idle.get()
            try:
                return process.ask(function, task)
            finally:
                idle.put(process)

        asked = collections.deque()
        for task in tasks:
            asked.append(threads.submit(ask, task))
            if len(asked) > 4 * number:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()


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
            raised, answer = pickle.load(self.process.stdout)
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
            function, task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = (False, function(task))
        except Exception as error:
            answer = (True, error)
        pickle.dump(answer, answers, protocol=5)
        answers.flush()
