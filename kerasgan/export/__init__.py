"""What leaves the library: generators that others run without it."""

from kerasgan.export.browser import browser, names
from kerasgan.export.onnx import onnx
from kerasgan.export.savedmodel import saved_model
from kerasgan.export.tflite import tflite

__all__ = ["browser", "names", "onnx", "saved_model", "tflite"]
