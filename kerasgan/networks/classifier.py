"""A convolutional classifier of small pictures, to judge samples by."""

import keras
from keras import layers


def build_classifier(image_shape, num_classes):
    """Images (N, H, W, C) in [-1, 1] -> probabilities (N, num_classes)."""

    def convolution(filters):
        return [
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]

    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.RandomTranslation(0.06, 0.06, fill_mode="nearest"),
            *convolution(24),
            layers.MaxPooling2D(2),
            *convolution(48),
            *convolution(48),
            layers.MaxPooling2D(2),
            *convolution(96),
            layers.MaxPooling2D(2),
            layers.Dropout(0.2),
            *convolution(96),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
