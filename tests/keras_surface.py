"""Every public member of `keras.Model`, every callback and every option of optimizers, tried out on
an unconditional and on a conditional model: `python tests/keras_surface.py` writes the table of
`docs/keras.md`."""

import os
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np

import kerasgan
from kerasgan.callbacks import for_optimizer
from kerasgan.utils.errors import UserError

FOLDER = Path(tempfile.mkdtemp())
IMAGES = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype("float32")
LABELS = np.arange(16) % 3
PAGE = Path(__file__).parents[1] / "docs" / "keras.md"
TITLE = """# Keras's surface

What each public member of `keras.Model`, each callback and each option of optimizers does on a
kerasgan model. "works" means: as in Keras, or as the docstring of the model's method says. All else
is refused in one sentence. The table is written, and checked, by `tests/test_keras_surface.py`.
"""


def unconditional():
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
    return gan


def conditional():
    gan = kerasgan.ConditionalGAN((8, 8, 1), num_classes=3, width=60, seed=0)
    gan.compile()
    return gan


def example(gan):
    return (IMAGES, LABELS) if gan.signature.asked else (IMAGES,)


def inputs(gan):
    z = np.zeros((2, 100), "float32")
    return [z, np.array([0, 1])] if gan.signature.asked else z


def placeholders(gan):
    kinds = gan.signature.inputs.values()
    made = [keras.KerasTensor((None, *kind.shape), dtype=kind.dtype.name) for kind in kinds]
    return made if len(made) > 1 else made[0]


def get(name):
    return lambda gan: getattr(gan, name)


def call(name, *arguments):
    return lambda gan: getattr(gan, name)(*arguments)


def fit(gan, **arguments):
    return gan.fit(*example(gan), verbose=0, **arguments)


def frozen(gan):
    gan.trainable = False
    return fit(gan)


ATTRIBUTES = (
    "compiled_metrics compute_dtype distribute_reduction_method distribute_strategy dtype "
    "dtype_policy input input_dtype input_spec jit_compile layers losses metrics metrics_names "
    "metrics_variables non_trainable_variables non_trainable_weights output path "
    "quantization_mode run_eagerly supports_masking trainable_variables trainable_weights "
    "variable_dtype variables weights"
)
METHODS = {
    **{name: get(name) for name in ATTRIBUTES.split()},
    "add_loss": call("add_loss", 0.0),
    "add_metric": call("add_metric", None),
    "add_variable": call("add_variable", (), "zeros"),
    "add_weight": call("add_weight", ()),
    "build": call("build", (None, 100)),
    "build_from_config": call("build_from_config", {}),
    "call": lambda gan: gan.call(inputs(gan)),
    "compile": call("compile"),
    "compile(loss)": lambda gan: gan.compile(loss="mse"),
    "compile(metrics)": lambda gan: gan.compile(metrics=["mse"]),
    "compile(optimizer)": lambda gan: gan.compile(optimizer="adam"),
    "compile_from_config": lambda gan: gan.compile_from_config(gan.get_compile_config()),
    "compiled_loss": call("compiled_loss", IMAGES, IMAGES),
    "compute_loss": call("compute_loss", IMAGES, IMAGES, IMAGES),
    "compute_mask": lambda gan: gan.compute_mask(inputs(gan), None),
    "compute_metrics": call("compute_metrics", IMAGES, IMAGES, IMAGES),
    "compute_output_shape": call("compute_output_shape", (None, 100)),
    "compute_output_spec": lambda gan: gan.compute_output_spec(placeholders(gan)),
    "count_params": call("count_params"),
    "evaluate": lambda gan: gan.evaluate(*example(gan), verbose=0),
    "export": lambda gan: gan.export(FOLDER / f"export{id(gan)}"),
    "export(format)": lambda gan: gan.export(FOLDER / "a.onnx", format="onnx"),
    "fit": fit,
    "fit(class_weight)": lambda gan: fit(gan, class_weight={0: 1.0}),
    "fit(initial_epoch)": lambda gan: fit(gan, initial_epoch=1, epochs=2),
    "fit(sample_weight)": lambda gan: fit(gan, sample_weight=np.ones(16)),
    "fit(steps_per_epoch)": lambda gan: fit(gan, steps_per_epoch=2),
    "fit(validation_data)": lambda gan: fit(gan, validation_data=example(gan)),
    "fit(validation_split)": lambda gan: fit(gan, validation_split=0.2),
    "from_config": lambda gan: type(gan).from_config(gan.get_config()),
    "get_build_config": call("get_build_config"),
    "get_compile_config": call("get_compile_config"),
    "get_config": call("get_config"),
    "get_layer": call("get_layer", "generator"),
    "get_metrics_result": call("get_metrics_result"),
    "get_quantization_layer_structure": call("get_quantization_layer_structure", "int8"),
    "get_state_tree": call("get_state_tree"),
    "get_weights": call("get_weights"),
    "load_own_variables": lambda gan: gan.load_own_variables(own_variables(gan)),
    "load_weights": lambda gan: (gan.save_weights(weights()), gan.load_weights(weights())),
    "loss": get("loss"),
    "make_predict_function": call("make_predict_function"),
    "make_test_function": call("make_test_function"),
    "make_train_function": call("make_train_function"),
    "predict": lambda gan: gan.predict(inputs(gan), verbose=0),
    "predict_on_batch": lambda gan: gan.predict_on_batch(inputs(gan)),
    "predict_step": lambda gan: gan.predict_step((inputs(gan),)),
    "quantize": call("quantize", "int8"),
    "quantized_build": call("quantized_build", (None, 100), "int8"),
    "quantized_call": lambda gan: gan.quantized_call(inputs(gan)),
    "rematerialized_call": lambda gan: gan.rematerialized_call(gan.call),
    "reset_metrics": call("reset_metrics"),
    "save": lambda gan: gan.save(FOLDER / "gan.keras"),
    "save(.h5)": lambda gan: gan.save(FOLDER / "gan.h5"),
    "save_own_variables": lambda gan: own_variables(gan),
    "save_weights": lambda gan: gan.save_weights(weights()),
    "set_state_tree": lambda gan: gan.set_state_tree(gan.get_state_tree()),
    "set_weights": lambda gan: gan.set_weights(gan.get_weights()),
    "stateless_call": lambda gan: gan.stateless_call(
        gan.trainable_variables, gan.non_trainable_variables, inputs(gan)
    ),
    "stateless_compute_loss": lambda gan: gan.stateless_compute_loss(
        gan.trainable_variables, gan.non_trainable_variables, gan.metrics_variables, *[IMAGES] * 3
    ),
    "summary": lambda gan: gan.summary(print_fn=lambda *_, **__: None),
    "symbolic_call": lambda gan: gan.symbolic_call(placeholders(gan)),
    "test_on_batch": lambda gan: gan.test_on_batch(*example(gan)),
    "test_step": call("test_step", IMAGES),
    "to_json": lambda gan: keras.models.model_from_json(gan.to_json()),
    "train_on_batch": lambda gan: gan.train_on_batch(*example(gan)),
    "train_step": lambda gan: gan.train_step(example(gan)),
    "trainable": frozen,
}


def own_variables(gan):
    store = {}
    gan.save_own_variables(store)
    return store


def weights():
    return FOLDER / "gan.weights.h5"


def callbacks():
    """Returns a function for each callback of Keras."""
    made = keras.callbacks
    halve = made.LearningRateScheduler(lambda epoch, rate: rate / 2)
    plateau = made.ReduceLROnPlateau("d_loss")
    return {
        "BackupAndRestore": made.BackupAndRestore(FOLDER / "backup"),
        "CSVLogger": made.CSVLogger(FOLDER / "log.csv"),
        "EarlyStopping": made.EarlyStopping("val_frechet_distance", restore_best_weights=True),
        "History": made.History(),
        "LambdaCallback": made.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        "LearningRateScheduler": halve,
        'for_optimizer("g", LearningRateScheduler)': for_optimizer("g", halve),
        "ModelCheckpoint": made.ModelCheckpoint(
            str(FOLDER / "best.keras"), monitor="g_loss", save_best_only=True
        ),
        "ProgbarLogger": made.ProgbarLogger(),
        "ReduceLROnPlateau": plateau,
        'for_optimizer("d", ReduceLROnPlateau)': for_optimizer("d", plateau),
        "SwapEMAWeights": made.SwapEMAWeights(),
        "TensorBoard": made.TensorBoard(FOLDER / "board", histogram_freq=1),
        "TerminateOnNaN": made.TerminateOnNaN(),
    }


OPTIONS = {
    "clipnorm": 1.0,
    "clipvalue": 1.0,
    "global_clipnorm": 1.0,
    "gradient_accumulation_steps": 2,
    "loss_scale_factor": 8.0,
    "use_ema": True,
    "weight_decay": 0.01,
}
# Members that are Keras's own machinery, or classes of it.
UNTRIED = {"Callback", "CallbackList", "OrbaxCheckpoint", "RemoteMonitor"}


def outcome(function, *arguments):
    """Returns "works", or the sentence with which something is refused."""
    try:
        function(*arguments)
    except UserError as error:
        return str(error).replace(f"{FOLDER}/", "")
    return "works"


def with_option(gan, name, value):
    optimizers = (keras.optimizers.Adam(1e-4, **{name: value}) for _ in range(2))
    gan.compile(*optimizers)
    fit(gan)


def rows():
    """Yields for each part of the surface: what it belongs to, its name, and two outcomes."""
    shared = [unconditional(), conditional()]
    changing = ("add", "compile(", "quantize", "trainable")
    for name, function in METHODS.items():
        fresh = name.startswith(changing)
        gans = [unconditional(), conditional()] if fresh else shared
        yield "keras.Model", name, [outcome(function, gan) for gan in gans]
    for name in callbacks():
        outcomes = []
        for gan in shared:
            callback = callbacks()[name]
            data = example(gan) if name == "EarlyStopping" else None
            outcomes.append(
                outcome(lambda: fit(gan, callbacks=[callback], validation_data=data))  # noqa: B023
            )
        yield "callback", name, outcomes
    for name, value in OPTIONS.items():
        gans = [unconditional(), conditional()]
        yield "optimizer", name, [outcome(with_option, gan, name, value) for gan in gans]


def table():
    """Returns the page with the table."""
    lines = [TITLE, "| of | member | DCGAN | ConditionalGAN |", "|---|---|---|---|"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, name, outcomes in rows():
            first, second = (each.replace("|", "\\|") for each in outcomes)
            second = "the same" if first == second != "works" else second
            lines.append(f"| {kind} | `{name}` | {first} | {second} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    PAGE.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"Written: {PAGE}\n")
