"""Writes models.config, which tells TensorFlow Serving what to serve: every trained zoo entry.

python export/serving/make_models_config.py
"""

from pathlib import Path

from kerasgan import zoo

PATH = Path(__file__).with_name("models.config")
HEADER = """\
# Written by make_models_config.py: every trained entry of the zoo, under its name. Each must have
# been exported to /models/<name>/<version>: the server waits for a model that is not there.
"""
MODEL = """\
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
"""


def models_config(names):
    """Returns the text of a ModelServerConfig that serves the newest version of each model.

    Args:
        names: Names of the models, which are also their folders below /models.
    """
    models = "".join(MODEL.format(name=name) for name in names)
    return f"{HEADER}model_config_list {{\n{models}}}\n"


if __name__ == "__main__":
    PATH.write_text(models_config(zoo.names()), encoding="utf-8")
    print(f"{len(zoo.names())} models: {PATH}")
