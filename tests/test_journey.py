"""The whole workflow, from fit to TFLite, of each model at every promised image shape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from contract import accepts, build, cases, generator_inputs, train

from kerasgan import export
from kerasgan.metrics import EfficientNetLite0

SHAPES = [(28, 28, 1), (32, 32, 1), (32, 32, 3), (64, 64, 3)]


def journeys():
    for case in cases():
        name, _ = case.values[0]
        if name.startswith("foreign.") or not accepts(name, "image_shape"):
            continue  # they have shapes of their own
        for shape in SHAPES:
            if (name == "lapgan" and shape[0] == 28) or (
                shape[0] == 64 and name not in ("lapgan", "sagan")
            ):
                continue  # LAPGAN: powers of two; 64 pixels: only models for larger images
            yield pytest.param(*case.values, shape, id=f"{case.id}-{'x'.join(map(str, shape))}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
@pytest.mark.parametrize("case, shape", list(journeys()))
def test_a_model_completes_the_workflow_at_every_shape(case, shape, tmp_path):
    name, arguments = case
    gan = build(name, shape, **arguments)
    gan.compile()
    history = train(gan, batches=2).history
    assert all(np.isfinite(values).all() for values in history.values())

    samples = gan.sample(6, seed=0)
    assert samples.shape == (6, *shape)
    real = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype="uint8")
    score = gan.evaluate(real, extractor=EfficientNetLite0(image_size=32), verbose=0)
    assert np.isfinite(score["frechet_distance"])

    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.sample(6, seed=0), samples)

    inputs = generator_inputs(loaded, 3)
    expected = loaded.generate(*inputs.values()).numpy()
    folder = export.saved_model(loaded, tmp_path / "served")
    served = tf.saved_model.load(folder).signatures["serving_default"](**inputs)["images"]
    np.testing.assert_allclose(served, expected, atol=1e-5)

    interpreter = Interpreter(export.tflite(loaded, tmp_path / "generator.tflite"))
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], inputs[detail["name"]].numpy()[:1])
    interpreter.invoke()
    (made,) = interpreter.get_output_details()
    np.testing.assert_allclose(interpreter.get_tensor(made["index"]), expected[:1], atol=1e-5)
