"""Several workers on one machine, to try multi-worker training out before there are machines."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds that workers get to end by themselves once one has failed


def launch(arguments, workers):
    """Runs a `kerasgan` command in several processes that form a cluster, and waits for them.

    The first worker's output is this process's; of the others only the end is shown, if they
    failed. SIGTERM goes to the first worker, which saves and stops; Ctrl-C reaches all by itself.

    Args:
        arguments: list of str: the command, e.g. `["train", "recipe.toml"]`.
        workers: Number of processes.

    Returns:
        Exit code: the first worker's, or else that of one that failed.
    """
    addresses = [f"localhost:{port}" for port in free_ports(workers)]
    logs = [tempfile.TemporaryFile() for _ in range(workers - 1)]
    processes = []
    for index, log in enumerate([None, *logs]):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "kerasgan", *arguments, "--strategy", "multi_worker"],
                env={**os.environ, "TF_CONFIG": json.dumps(config)},
                stdout=log,
                stderr=log,
            )
        )
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: processes[0].terminate())
    try:
        codes = wait(processes)
    finally:
        for process in processes:
            process.kill()
    for index, (code, log) in enumerate(zip(codes[1:], logs, strict=True), start=1):
        if code:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines()
            print(f"Worker {index} of {workers}: {lines[-1] if lines else code}", file=sys.stderr)
    return next((code for code in codes if code), 0)


def wait(processes):
    """Waits for all to end; after one has failed, not longer than a minute. Returns exit codes."""
    deadline = None
    while any(process.poll() is None for process in processes):
        time.sleep(0.1)
        if deadline is None and any(process.returncode for process in processes):
            deadline = time.monotonic() + PATIENCE
        if deadline is not None and time.monotonic() > deadline:
            for process in processes:
                process.kill()
            deadline = None
    return [process.returncode for process in processes]


def free_ports(number):
    """Returns port numbers that nothing listens at now."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
