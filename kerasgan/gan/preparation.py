"""What happens before a model's own `train_step`."""

import functools
import threading

import tensorflow as tf

_steps = threading.local()  # a replica's step runs in a thread of its own


def example_of(gan):
    """Returns the example, a dict by part, of the step that a model is taking; else `None`."""
    return _steps.example if getattr(_steps, "gan", None) is gan else None


def prepared(train_step):
    """Returns a `train_step` that first converts its example and counts it in `images_seen`.

    The step gets the parts in the signature's order: a tensor if there is one part, else a tuple.
    A step that calls `super().train_step` counts once.
    """

    @functools.wraps(train_step)
    def step(self, data):
        if getattr(_steps, "gan", None) is self:
            return train_step(self, data)
        signature = self.signature
        example = signature.example_from(data)
        example = {name: tf.convert_to_tensor(values) for name, values in example.items()}
        parts = [signature.example[name].convert(values) for name, values in example.items()]
        if self._checks_steps:
            parts = checked_parts(signature, example, parts)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        _steps.gan, _steps.example = self, dict(zip(example, parts, strict=True))
        try:
            # TensorFlow runs what does not need data even where they have ended: counts would move.
            with tf.control_dependencies(parts):
                self.images_seen.assign_add(tf.shape(parts[0], tf.int64)[0] * replicas)
                return train_step(self, parts[0] if len(parts) == 1 else tuple(parts))
        finally:
            _steps.gan = _steps.example = None

    return tf.autograph.experimental.do_not_convert(step)


def checked_parts(signature, example, parts):
    """Returns converted parts, after graph assertions of their values."""
    tests = [
        tf.debugging.Assert(
            signature.example[name].valid(values),
            [f"`{name}` of `x` does not fit the model or is out of range"],
        )
        for name, values in example.items()
    ]
    with tf.control_dependencies([each for each in tests if each is not None]):
        return [tf.identity(part) for part in parts]
