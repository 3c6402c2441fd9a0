"""Trains a text encoder on pictures and their names together: Reed, Akata, Lee & Schiele 2016,
"Learning Deep Representations of Fine-grained Visual Descriptions",
https://arxiv.org/abs/1605.05395, as section 3.2 of "Generative Adversarial Text to Image Synthesis"
(https://arxiv.org/abs/1605.05396) uses it

The compatibility of a picture v and a text t is F(v, t) = theta(v) . phi(t), and both
classifiers, of pictures and of texts, are to prefer what belongs together by a margin of 1 (Eq. 2
and 3; the surrogate loss is that of the authors' `train_sje_hybrid.lua`).

What differs, and why: theta is a linear map of the features of EfficientNet-Lite0, which comes with
kerasgan, where theirs are those of GoogLeNet themselves; phi is the sum of hashed pieces of words
(`kerasgan.signature.TextEncoder`), where theirs is a convolutional and recurrent network of
characters, which a few thousand names would not train, and which a page would have to compute. Each
text is a class of its own. Three pieces of ten are left out at random in each step, without which
names that are held out were found less well.
"""

import numpy as np

from kerasgan.signature import TextEncoder, encoding

DIM = 64
BUCKETS = 2048  # rows of the table
EPOCHS = 30
BATCH = 64
RATE = 1e-3
DROPPED = 0.3  # share of pieces


def joint_embedding(texts, features, dim=DIM, buckets=BUCKETS, epochs=EPOCHS, seed=0):
    """Trains an encoder of texts to find the pictures that they belong to.

    Args:
        texts: List of a text for each picture.
        features: float32 array (N, D), features of the pictures.
        dim: Length of the texts' vectors.
        buckets: Rows of the encoder's table.
        epochs: Passes over the pictures.
        seed: int. The same seed gives the same encoder.

    Returns:
        `kerasgan.signature.TextEncoder`.

    Raises:
        UserError: If a text holds no letter or digit, or is too long.

    Example:

    >>> features = np.eye(4, dtype="float32")
    >>> joint_embedding(["cat", "dog", "sun", "sea"], features, dim=8, buckets=32, epochs=2)
    TextEncoder(32 x 8)
    """
    table, _ = learn(texts, features, dim, buckets, epochs, seed)
    return TextEncoder(np.round(table / np.abs(table).max() * 127.0).astype(np.int8))


def learn(texts, features, dim, buckets, epochs, seed):
    """Returns the table (buckets, dim) and the map of standardised features (D, dim)."""
    rng = np.random.RandomState(seed)  # whose stream NumPy guarantees
    pieces = encoding.counts(encoding.checked(texts, "text"), buckets)
    _, classes = np.unique(texts, return_inverse=True)
    pictures = standardised(features)
    table = (0.1 * rng.standard_normal((buckets, dim))).astype(np.float32)
    visual = rng.standard_normal((pictures.shape[1], dim)) / pictures.shape[1] ** 0.5
    weights = [table, visual.astype(np.float32)]
    adam = Adam(weights, RATE)
    batch = min(BATCH, len(pictures))
    for _ in range(epochs):
        order = rng.permutation(len(pictures))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            kept = pieces[rows] * (rng.random_sample((batch, buckets)) >= DROPPED)
            _, gradients = objective(*weights, kept, pictures[rows], classes[rows])
            adam.step(gradients)
    return weights


def standardised(features):
    """Returns features with mean 0 and variance 1."""
    spread = np.maximum(features.std(axis=0), 1e-6)
    return ((features - features.mean(axis=0)) / spread).astype(np.float32)


def objective(table, visual, pieces, pictures, classes):
    """Returns the loss of a batch, and its gradients with respect to `table` and `visual`.

    Args:
        table: (buckets, dim).
        visual: (D, dim).
        pieces: (N, buckets), how often a piece of each text falls into each row.
        pictures: (N, D), standardised features.
        classes: int array (N,), equal for equal texts.
    """
    sums = pieces @ table
    lengths = np.linalg.norm(sums, axis=1, keepdims=True) + 1e-6
    phi, theta = sums / lengths, pictures @ visual
    loss, slope = margin_loss(theta @ phi.T, classes)
    d_theta, d_phi = slope @ phi, slope.T @ theta
    d_sums = (d_phi - phi * (phi * d_phi).sum(axis=1, keepdims=True)) / lengths
    return loss, [pieces.T @ d_sums, pictures.T @ d_theta]


def margin_loss(scores, classes):
    """Returns the structured loss of a batch of pairs, and its derivative by the scores.

    Args:
        scores: (N, N), F(v_i, t_j) of picture i and text j; pairs are on the diagonal.
        classes: int array (N,); texts of one class are no mistake for one another.

    Returns:
        float and array (N, N): the mean over i and j of max(0, 1 + F(v_i, t_j) - F(v_i, t_i)), and
        the same for the pictures of a text.

    Example:

    >>> margin_loss(np.array([[2.0, 1.5], [0.0, 3.0]]), np.arange(2))[0]
    0.125
    """
    own = np.diag(scores)
    others = classes[:, None] != classes[None]
    wrong_texts = np.where(others, np.maximum(0.0, 1.0 + scores - own[:, None]), 0.0)
    wrong_pictures = np.where(others, np.maximum(0.0, 1.0 + scores - own[None]), 0.0)
    by_text, by_picture = (wrong_texts > 0).astype("f4"), (wrong_pictures > 0).astype("f4")
    slope = by_text + by_picture
    slope[np.diag_indices(len(scores))] -= by_text.sum(axis=1) + by_picture.sum(axis=0)
    return float((wrong_texts + wrong_pictures).sum()) / scores.size, slope / scores.size


class Adam:
    """Adam (Kingma & Ba 2015) in NumPy.

    Args:
        weights: List of arrays, which `step` changes.
        rate: Learning rate.
    """

    def __init__(self, weights, rate):
        self.weights, self.rate, self.steps = weights, rate, 0
        self.means = [np.zeros_like(each) for each in weights]
        self.squares = [np.zeros_like(each) for each in weights]

    def step(self, gradients):
        self.steps += 1
        scale = (1 - 0.999**self.steps) ** 0.5 / (1 - 0.9**self.steps)
        for weight, mean, square, gradient in zip(
            self.weights, self.means, self.squares, gradients, strict=True
        ):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            weight -= (self.rate * scale * mean / (np.sqrt(square) + 1e-8)).astype(weight.dtype)
