"""Scores of a run: samples against real images."""

from kerasgan import data, metrics
from kerasgan.evaluation.features import real_features
from kerasgan.utils.errors import UserError

SCORE_SEED = 1  # of the samples


def score(samples, num, real, extractor, verbose=False):
    """Scores samples against real images.

    Args:
        samples: Iterable of batches of samples, in the form that the extractor takes.
        num: Number of samples.
        real: `kerasgan.metrics.Statistics` of the real images.
        extractor: A `kerasgan.metrics.Extractor`.
        verbose: Whether to show a progress bar.

    Returns:
        dict with "frechet_distance".
    """
    fake = extractor.statistics(samples, num, verbose)
    return {"frechet_distance": metrics.frechet_distance(real, fake)}


def inflated(num, extractor):
    """Tells whether a Frechet distance of so few images is inflated: no more than features."""
    return num <= extractor.dim


class Scorer:
    """Scores a generator against real examples.

    Args:
        output: Kind of the generator's output.
        training, compared: Sources of the training examples, and of those to compare with.
        num: Maximum number of samples and real images.
        splits: Names of the two splits.
        verbose: Whether to show progress bars.
    """

    def __init__(self, output, training, compared, num, splits, verbose):
        sets = dict(zip(splits, (training, compared), strict=True))
        # Of one set, every other example is compared with: at most half of it.
        one = splits[0] == splits[1] or training.fingerprint == compared.fingerprint
        self.num = min([num, *(len(each) // (2 if one else 1) for each in sets.values())])
        if self.num < 2:
            least = (
                "4 images, since half of them are compared with the others," if one else "2 images"
            )
            raise UserError(
                f"A score needs at least {least} in each split of {training.name}. "
                f"Received: {', '.join(f'{len(each)} in {name}' for name, each in sets.items())}"
            )
        self.verbose, self.split, self.dataset = verbose, splits[1], compared.name
        self.extractor = output.extractor()
        trained_on, real = training.parts[output.part], compared.parts[output.part]
        if one:
            others = data.subset(trained_on, 2 * self.num)[1::2]  # between the compared ones
        else:
            others = data.subset(trained_on, self.num)
        self.parts = {part: data.subset(v, self.num) for part, v in compared.parts.items()}
        self.real = self._statistics(data.subset(real, self.num), f"{compared.name} {splits[1]}")
        other = self._statistics(others, f"{training.name} {splits[0]}")
        self.floor = metrics.frechet_distance(self.real, other)

    def _statistics(self, pictures, name):
        features, _ = real_features(pictures, self.extractor, name, self.verbose)
        return metrics.Statistics.of(features)

    def given(self, gan):
        """Returns the inputs that a model is given for the samples, by name."""
        return gan.signature.inputs_of(self.parts)

    def __call__(self, gan):
        scores = gan.evaluate(
            self.real,
            num=self.num,
            seed=SCORE_SEED,
            extractor=self.extractor,
            verbose=self.verbose,
            given=self.given(gan),
        )
        return scores["frechet_distance"]

    def result(self, gan, untrained):
        """Returns the scores and their protocol for `result.json`."""
        return {
            "metric": self.extractor.distance_name,
            "trained": round(self(gan), 3),
            "untrained": round(untrained, 3),
            "floor": round(self.floor, 3),
            "inflated": inflated(self.num, self.extractor),
            "n_real": self.num,
            "n_fake": self.num,
            "dataset": self.dataset,
            "split": self.split,
        }
