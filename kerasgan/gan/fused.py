"""Updates of weights by one TensorFlow kernel each, with the results of Keras's formulas.

Keras builds an optimizer's step out of some ten operations for each weight, which all read and
write it as a whole. TensorFlow's kernels go over it once.
"""

import functools

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

from kerasgan import schedules


def fuse(optimizer):
    """Lets Keras's Adam and SGD, and ours, update weights by one kernel each on one device.

    Other optimizers, subclasses, and trainings on several replicas keep their own steps.

    Args:
        optimizer: Keras optimizer, changed in place; its config stays as it is.
    """
    if type(optimizer) is LossScaleOptimizer:
        optimizer = optimizer.inner_optimizer
    step = STEPS.get(type(optimizer))
    if step is not None and not getattr(optimizer, "amsgrad", False):
        optimizer._backend_update_step = functools.partial(update, optimizer, step)


def update(optimizer, step, gradients, variables, learning_rate):
    """Stands for the method of Keras that updates all weights, given their gradients."""
    dense = not any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
    if not (dense and all(map(is_float32, variables)) and on_one_device()):
        type(optimizer)._backend_update_step(optimizer, gradients, variables, learning_rate)
        return
    apply = step(optimizer, tf.cast(learning_rate, tf.float32))
    for gradient, variable in zip(gradients, variables, strict=True):
        apply(optimizer._get_variable_index(variable), handle(variable), gradient)


def follow(average, value, share):
    """Moves a variable by a share of the way to a value: Keras variables."""
    if not (is_float32(average) and on_one_device()):
        average.assign(average + tf.cast(share, average.dtype) * (value - average))
    else:
        tf.raw_ops.ResourceApplyGradientDescent(
            var=handle(average), alpha=share, delta=average.value - value.value
        )


def on_one_device():
    return tf.distribute.get_strategy().num_replicas_in_sync == 1


def is_float32(variable):
    return keras.backend.standardize_dtype(variable.dtype) == "float32"


def handle(variable):
    """Returns what kernels know a Keras variable or TensorFlow's by."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle


def adam(optimizer, rate):
    """Kingma & Ba 2015: Adam: A Method for Stochastic Optimization, https://arxiv.org/abs/1412.6980"""
    beta_1, beta_2 = (tf.cast(beta, tf.float32) for beta in (optimizer.beta_1, optimizer.beta_2))
    number = tf.cast(optimizer.iterations + 1, tf.float32)
    power_1, power_2 = beta_1**number, beta_2**number

    def apply(index, weight, gradient):
        tf.raw_ops.ResourceApplyAdam(
            var=weight,
            m=handle(optimizer._momentums[index]),
            v=handle(optimizer._velocities[index]),
            beta1_power=power_1,
            beta2_power=power_2,
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )

    return apply


def sgd(optimizer, rate):
    """Gradient descent with momentum as Keras defines it: v = momentum v - rate g, w = w + v."""
    schedule = getattr(optimizer, "momentum_schedule", None)
    momentum = schedule(optimizer.iterations) if schedule else optimizer.momentum

    def apply(index, weight, gradient):
        if schedule is None and not momentum:
            tf.raw_ops.ResourceApplyGradientDescent(var=weight, alpha=rate, delta=gradient)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=weight,
            accum=handle(optimizer.momentums[index]),
            lr=rate,
            grad=gradient,
            momentum=momentum,
            use_nesterov=optimizer.nesterov,
        )

    return apply


STEPS = {
    keras.optimizers.Adam: adam,
    schedules.Adam: adam,
    keras.optimizers.SGD: sgd,
    schedules.SGD: sgd,
}
