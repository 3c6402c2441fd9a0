"""What leaves the library: generators that others run without it."""

from kerasgan.export.browser import browser, browser_of_entries
from kerasgan.export.savedmodel import saved_model
from kerasgan.export.tflite import tflite

__all__ = ["browser", "browser_of_entries", "saved_model", "tflite"]
