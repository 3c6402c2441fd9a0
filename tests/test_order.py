"""Weights are read before a step writes them, in the graph that TensorFlow runs.

TensorFlow's dependency optimizer drops orders that hold through a tensor's shape alone, which it
then turns into a constant.
"""

from collections import defaultdict

import keras
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from kerasgan import DCGAN, WGANGP

ROUTING = ("Enter", "Switch", "Merge", "Identity")  # operations that pass a weight's handle on


class Graph:
    """What runs before what, within a pass through a loop."""

    def __init__(self, graph):
        self.nodes = {node.name: node for node in graph.node}
        self.before = {}

    def inputs(self, name):
        names = (text.lstrip("^").split(":")[0] for text in self.nodes[name].input)
        return [name for name in names if name in self.nodes]

    def ancestors(self, name):
        if name not in self.before:
            reached, waiting = set(), [name]
            while waiting:
                new = [each for each in self.inputs(waiting.pop()) if each not in reached]
                new = [each for each in new if self.nodes[each].op != "NextIteration"]
                reached.update(new)
                waiting += new
            self.before[name] = reached
        return self.before[name]

    def weight(self, name):
        """The handle that a read or a write uses."""
        handle = self.inputs(name)[0]
        while self.nodes[handle].op in ROUTING:
            handle = self.inputs(handle)[0]
        return handle

    def accesses(self):
        """Returns two dicts from a weight to the names of its reads and of its writes."""
        reads, writes = defaultdict(list), defaultdict(list)
        for name, node in self.nodes.items():
            if node.op == "ReadVariableOp":
                reads[self.weight(name)].append(name)
            elif node.op.startswith("Assign") and node.op.endswith("VariableOp"):
                writes[self.weight(name)].append(name)
            elif node.op.startswith("ResourceApply"):
                writes[self.weight(name)].append(name)
        return reads, writes

    def unordered(self):
        """Returns pairs of a read and a write of one weight that may run in either order."""
        reads, writes = self.accesses()
        return [
            (read, write)
            for weight in writes
            for write in writes[weight]
            for read in reads[weight]
            if ("while" in read) == ("while" in write)
            and read not in self.ancestors(write)
            and write not in self.ancestors(read)
        ]


def graph_of_a_step(gan, batch):
    gan.compile()
    context.enable_run_metadata()
    try:
        tf.function(gan.train_step)(batch)
        ran = context.export_run_metadata()
    finally:
        context.disable_run_metadata()
    graphs = [graphs.post_optimization_graph for graphs in ran.function_graphs]
    return Graph(max(graphs, key=lambda graph: len(graph.node)))


@pytest.mark.parametrize(
    "model, arguments",
    [(WGANGP, {"n_critic": 3}), (WGANGP, {"n_critic": 1}), (DCGAN, {"ema_decay": 0.9})],
    ids=["loop", "no loop", "average"],
)
def test_each_read_of_a_weight_is_ordered_against_each_write(model, arguments):
    keras.utils.set_random_seed(0)
    graph = graph_of_a_step(model((8, 8, 1), width=4, **arguments), tf.zeros((12, 8, 8, 1)))
    reads, writes = graph.accesses()
    assert sum(map(len, reads.values())) > 50 and sum(map(len, writes.values())) > 20
    assert graph.unordered() == []
