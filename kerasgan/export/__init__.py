"""Exports of generators: SavedModel, TFLite, ONNX, a page for browsers.

Imports gan, models and the packages below them; never training or zoo. Each format is one
file, listed below and in `cli/export.py`; `inspection/` describes what it wrote.
"""

from kerasgan.export.browser import browser, names
from kerasgan.export.onnx import onnx
from kerasgan.export.savedmodel import saved_model
from kerasgan.export.tflite import tflite

__all__ = ["browser", "names", "onnx", "saved_model", "tflite"]
