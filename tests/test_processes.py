"""Processes that read data."""

import itertools
import os

import pytest

from kerasgan.utils import processes
from kerasgan.utils.errors import UserError


def test_processes_keep_the_order_and_pass_errors_on():
    tasks = [str(i) * i for i in range(40)]
    with processes.Pool(3) as pool:
        assert list(pool.map(len, tasks)) == [len(task) for task in tasks]
        with pytest.raises(TypeError):
            list(pool.map(len, ["a", 1]))
        assert list(pool.map(len, tasks)) == [len(task) for task in tasks]
        endless = pool.map(len, itertools.repeat("ab"))
        assert list(itertools.islice(endless, 3)) == [2, 2, 2]
        with pytest.raises(UserError, match="has died"):
            list(pool.map(os._exit, [1, 1]))
