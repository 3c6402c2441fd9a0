"""`sample` and `evaluate`."""

import os
import random

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data, metrics
from kerasgan.data import checks, intake
from kerasgan.evaluation.scorer import score
from kerasgan.signature import Image
from kerasgan.signature.truncation import THRESHOLD
from kerasgan.utils.errors import UserError, check_count, check_seed


class Sampling:
    """Samples, and their score."""

    def sample(self, num=None, labels=None, seed=None, batch_size=256, images=None, **inputs):
        """Generates images, or the model's other kind of output.

        Args:
            num: Number of samples, at least 1; by default as many as there are values of the inputs
                that are given.
            labels: Class ids (num,): an alias of the input `label`, or of the first input that is
                not drawn from a seed.
            seed: int. The same seed gives the same samples; a larger `num` appends to them. `None`
                draws a new seed.
            batch_size: Samples generated at a time; limits memory, and does not change the samples.
            images: Pictures, of models that take one: an alias of that input.
            **inputs: The generator's other inputs by name, arrays (num, ...). By default classes
                take turns, 0, 1, 2, ...; numbers have their default; inputs that must be given
                cycle through the examples that the model keeps from its first `fit`. Pictures may
                be the path of a file or folder, or a list of files, which are brought to the
                model's size; so may masks, 1 where they are white, and films: a folder of their
                frames in the order of their names, or of such folders. Texts may be strings if the
                model has an encoder of its own; `texts` is another name of `text`.
                Normal latents also take `truncation`, a float or an array (num,): the threshold of
                the truncation trick (Brock et al. 2019), which trades variety for fidelity. Entries
                of the latents beyond it are as if drawn again; 2 is gentle, 0.5 strong.

        Returns:
            float32 array (num, H, W, C), values in [-1, 1]; or (num, ...) for other outputs.

        Raises:
            UserError: If `num` is not a positive whole number, an input is missing, unknown or out
                of range, or uniform latents are to be truncated.
        """
        batches = self.sample_batches(num, labels, seed, batch_size, images, **inputs)
        return np.concatenate(list(batches))

    def sample_batches(
        self, num=None, labels=None, seed=None, batch_size=256, images=None, **inputs
    ):
        """As `sample`, batch by batch: yields float32 arrays of at most `batch_size` samples."""
        check_count(batch_size, "batch_size")
        seed = random.randint(1, 10**9) if seed is None else seed
        drawn = self.inputs_for(num, seed, labels=labels, images=images, **inputs)
        yield from self.outputs_for(drawn, batch_size)

    def outputs_for(self, inputs, batch_size=256):
        """Yields the generator's outputs for its inputs, batch by batch: float32 arrays.

        Args:
            inputs: dict of tensors (num, ...) by name, as `inputs_for` returns it.
            batch_size: Samples generated at a time.
        """
        for start in range(0, len(next(iter(inputs.values()))), batch_size):
            batch = [values[start : start + batch_size] for values in inputs.values()]
            yield self._generate(*batch).numpy()

    def inputs_for(self, num, seed, labels=None, images=None, **inputs):
        """Returns the generator's inputs for `sample`: a dict of tensors (num, ...) by name.

        Args:
            num, seed, labels, images, **inputs: As in `sample`.
        """
        check_seed(seed)
        asked = self.signature.asked
        if images is not None:
            drawable = [name for name, kind in asked.items() if isinstance(kind, Image)]
            inputs[next(iter(drawable), "images")] = images
        if "texts" in inputs and "text" in asked and "text" not in inputs:
            inputs["text"] = inputs.pop("texts")
        inputs = {name: self._read(name, values) for name, values in inputs.items()}
        if num is None and isinstance(inputs.get("text"), str):
            num = 1
        if num is None:
            num = next((len(each) for each in inputs.values() if np.ndim(each)), None)
        check_count(num, "num")
        if labels is not None:
            name = "label" if "label" in asked else next(iter(self.signature.given), "label")
            if name in inputs:
                raise UserError(f"`labels` and `{name}` are the same: pass one of them.")
            inputs[name] = labels
        truncation = self._truncation(num, inputs)
        if unknown := sorted(set(inputs) - set(asked)):
            names = ", ".join(f"`{name}`" for name in asked)
            takes = f"takes {names}" if asked else "is unconditional and takes no labels"
            raise UserError(f"{type(self).__name__} {takes}. Received: {', '.join(unknown)}")
        inputs = {
            name: np.full(num, each) if np.ndim(each) == 0 else each
            for name, each in inputs.items()
        }
        values = {name: asked[name].check(inputs[name], name, num) for name in inputs}
        for name, kind in self.signature.given.items():
            if name not in values and name not in self.examples:
                raise UserError(
                    f"{type(self).__name__} is conditional: `{name}` must be given, shape "
                    f"{(num, *kind.shape)}. Received: None"
                )
            if name not in values:
                kept = self.examples[name]
                values[name] = kept[np.arange(num) % len(kept)]
        values = {name: tf.constant(each) for name, each in values.items()}
        seed = tf.constant([seed, 0], tf.int64)
        return self.signature.named(self.signature.draw(num, seed, values, truncation))

    def _read(self, name, values):
        """Returns the values of an input, read if they are paths of pictures."""
        kind = self.signature.asked.get(name)
        paths = values if isinstance(values, list | tuple) else [values]
        named = all(isinstance(path, str | os.PathLike) for path in paths)
        if kind is None or kind.files is None or not named:
            return values
        return data.read_values(kind, values)

    def _truncation(self, num, inputs):
        """Takes the truncation out of the inputs of `sample`: a tensor (num,), or `None`."""
        signature = self.signature
        if "truncation" in signature.inputs or not signature.seeded:
            return None
        threshold = inputs.pop("truncation", None)
        if threshold is None:
            return None
        if not signature.truncates:
            raise UserError(
                f"{type(self).__name__} draws uniform latents, and the truncation trick is for "
                f"normal ones. Received: truncation={threshold}"
            )
        values = np.full(num, threshold) if np.ndim(threshold) == 0 else threshold
        return tf.constant(THRESHOLD.check(values, "truncation", num))

    def __call__(self, *args, **kwargs):
        if args:
            args = (self._checked_inputs(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def predict(self, x, **kwargs):
        """Returns the generator's outputs for its inputs, as `keras.Model.predict` does.

        Args:
            x: Array, tuple or dict of the generator's inputs; or batches of them, as
                `keras.Model.predict` takes them.
            **kwargs: As in `keras.Model.predict`.

        Returns:
            float32 array (N, ...).

        Raises:
            UserError: If arrays do not fit the signature's inputs.
        """
        return super().predict(self._checked_inputs(x) if intake.is_arrays(x) else x, **kwargs)

    def predict_on_batch(self, x):
        """As `predict`, for one batch."""
        return super().predict_on_batch(self._checked_inputs(x))

    def _checked_inputs(self, inputs):
        """Returns inputs that a user passes to the generator, checked; a tuple if several."""
        kinds = self.signature.inputs
        if isinstance(inputs, dict) and set(inputs) == set(kinds):
            inputs = [inputs[name] for name in kinds]
        several = len(kinds) > 1 and isinstance(inputs, tuple | list)
        values = list(inputs) if several else [inputs]
        if len(values) != len(kinds) or isinstance(inputs, dict):
            raise UserError(f"The generator takes ({', '.join(kinds)}). Received: {len(values)}")
        num = len(values[0]) if isinstance(values[0], np.ndarray | list) else None
        checked = []
        for each, (name, kind) in zip(values, kinds.items(), strict=True):
            if not is_symbolic(each):
                converted = kind.check(checks.as_array(each, name), name, num)
                # A tensor stays itself, so that gradients find the way back to it.
                each = kind.convert(each) if tf.is_tensor(each) else converted
            checked.append(each)
        return tuple(checked) if several else checked[0]

    def evaluate(
        self,
        x,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=True,
        num=None,
        seed=0,
        extractor=None,
        given=None,
        _use_cached_eval_dataset=False,
    ):
        """Scores the generator's samples against real images.

        Args:
            x: Real examples, as `fit` takes them, or the `kerasgan.metrics.Statistics` of real
                images. Inputs that must be given are taken from them.
            y: As in `fit`. Labels are not used.
            verbose: 0 hides the progress bars.
            steps: Number of batches to take from a dataset; required if it is endless.
            num: Number of samples; by default the number of real images.
            seed: Seed of the samples.
            extractor: Feature extractor; by default that of the model's kind of output, for images
                `kerasgan.metrics.EfficientNetLite0()`.
            given: dict of arrays by name, for inputs that must be given and are not in `x`.
            batch_size, sample_weight, callbacks, return_dict: Not used; `fit` passes them for
                `validation_data`.

        Returns:
            dict with "frechet_distance": FD[extractor] of uint8 images, lower is better. Values
            are comparable only with equal extractor, data and numbers of images.

        Raises:
            UserError: If the real images do not fit the model or leave [-1, 1], or its output has
                no extractor by default.
        """
        if isinstance(callbacks, keras.callbacks.CallbackList):
            verbose = 0  # within `fit`, which shows its own bar
        if num is not None:
            check_count(num, "num", least=2)
        extractor = extractor or self.signature.output.extractor()
        if extractor is None:
            self.signature.output.check_scored(type(self).__name__)
        given = {name: [values] for name, values in (given or {}).items()}
        if isinstance(x, metrics.Statistics):
            real = x
        else:
            x = intake.arrays_of(x)
            if not intake.is_arrays(x):
                x = intake.as_dataset(x)
                x = x if steps is None else x.take(steps)
                if x.cardinality() == tf.data.INFINITE_CARDINALITY:
                    raise UserError("An endless dataset can only be scored in part: give `steps`.")
            batches, count = checks.real_batches(self.signature, x, y, given)
            real = extractor.statistics(batches, count, verbose)
        num = num or real.count
        inputs = {name: np.concatenate(parts) for name, parts in given.items()}
        inputs = {name: each[np.arange(num) % len(each)] for name, each in inputs.items()}
        samples = map(self.signature.output.observed, self.sample_batches(num, seed=seed, **inputs))
        return score(samples, num, real, extractor, verbose)


def is_symbolic(values):
    """Tells whether values are a placeholder, in a graph or a Keras model under construction."""
    symbolic = tf.is_tensor(values) and not hasattr(values, "numpy")
    return symbolic or isinstance(values, keras.KerasTensor)
