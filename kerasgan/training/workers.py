"""Local workers, to try multi-worker training on one machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds for the other workers to end after the first one has


def launch(arguments, workers):
    """Runs a `kerasgan` command in several processes that form a cluster, and waits for them.

    Shows the output of the first worker, and the last lines of others that fail. SIGTERM goes to
    the first worker, which saves and stops; Ctrl-C reaches all workers. They use the CPU, since two
    workers cannot share a GPU.

    Args:
        arguments: list of str: the command, e.g. `["train", "recipe.toml"]`.
        workers: Number of processes.

    Returns:
        Exit code: the first that is not 0, or 0.
    """
    addresses = [f"localhost:{port}" for port in free_ports(workers)]
    processes = []

    def stop(*_):
        for process in processes[:1]:
            process.terminate()

    with contextlib.ExitStack() as stack:
        for number, handler in ((signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, stop)):
            stack.callback(signal.signal, number, signal.signal(number, handler))
        logs = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(workers - 1)]
        for index, log in enumerate([None, *logs]):
            process = start(arguments, addresses, index, log)
            processes.append(process)
            stack.callback(process.kill)
        codes = wait(processes)
        for index, (code, log) in enumerate(zip(codes[1:], logs, strict=True), start=1):
            if code:
                log.seek(0)
                lines = log.read().decode(errors="replace").strip().splitlines()
                print(f"Worker {index} of {workers}, exit code {code}:", file=sys.stderr)
                print(*lines[-20:], sep="\n", file=sys.stderr)
    return next((code for code in codes if code), 0)


def start(arguments, addresses, index, log):
    """Starts one worker."""
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    return subprocess.Popen(
        [sys.executable, "-m", "kerasgan_cli", *arguments, "--strategy", "multi_worker"],
        env={**os.environ, "TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": ""},
        stdout=log,
        stderr=log,
        # This process ignores Ctrl-C, which a child would inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait(processes):
    """Waits for all to end, at most a minute after the first, and returns their exit codes.

    A process ended by a signal has 128 plus its number, as in a shell.
    """
    deadline = None
    while any(process.poll() is None for process in processes):
        time.sleep(0.1)
        if deadline is None and any(process.poll() is not None for process in processes):
            deadline = time.monotonic() + PATIENCE
        if deadline is not None and time.monotonic() > deadline:
            for process in processes:
                process.kill()
    codes = [process.returncode for process in processes]
    return [128 - code if code < 0 else code for code in codes]


def free_ports(number):
    """Returns free port numbers."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
