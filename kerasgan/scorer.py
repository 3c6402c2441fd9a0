"""The score of a run: its samples against real images, and what a result says of both."""

import datetime

from kerasgan import data, metrics, provenance
from kerasgan.errors import UserError
from kerasgan.real import real_features

SCORE_SEED = 1  # of the samples


class Scorer:
    """Scores a generator against a recipe's real images."""

    def __init__(self, settings, sets, verbose):
        source, evaluation = settings["data"], settings["evaluation"]
        self.num = min([evaluation["num"], *(len(given) for given, _ in sets.values())])
        if self.num < 2:
            raise UserError(
                f"A score needs at least 2 images in each split of {source['name']}. "
                f"Received: {', '.join(f'{len(v[0])} in {k}' for k, v in sets.items())}"
            )
        self.verbose = verbose
        self.extractor = metrics.EfficientNetLite0()
        compared, training = (sets[split][0] for split in (evaluation["split"], source["split"]))
        if evaluation["split"] == source["split"]:
            others = data.subset(training, 2 * self.num)[1::2]  # between the compared ones
        else:
            others = data.subset(training, self.num)
        compared = data.subset(compared, self.num)
        self.real = self._statistics(compared, f"{source['name']} {evaluation['split']}")
        other = self._statistics(others, f"{source['name']} {source['split']}")
        self.floor = metrics.frechet_distance(self.real, other)

    def _statistics(self, pictures, name):
        features, _ = real_features(pictures, self.extractor, name, self.verbose)
        return metrics.Statistics.of(features)

    def __call__(self, gan):
        scores = gan.evaluate(
            self.real,
            num=self.num,
            seed=SCORE_SEED,
            extractor=self.extractor,
            verbose=self.verbose,
        )
        return scores["frechet_distance"]

    def result(self, gan, settings, state):
        """Returns the content of `result.json`."""
        return {
            "metric": self.extractor.distance_name,
            "trained": round(self(gan), 3),
            "untrained": round(state.untrained, 3),
            "floor": round(self.floor, 3),
            "n_real": self.num,
            "n_fake": self.num,
            "dataset": settings["data"]["name"],
            "split": settings["evaluation"]["split"],
            "image_shape": list(gan.signature.output.shape),
            "sample_seed": SCORE_SEED,
            "model": settings["model"]["name"],
            "parameters": gan.generator.count_params(),
            "steps": state.step,
            "training_minutes": round(state.seconds / 60, 2),
            "date": datetime.date.today().isoformat(),
            **provenance.stamp(gan.inference_generator, self.extractor),
        }
