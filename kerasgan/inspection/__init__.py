"""What lies at a path: descriptions, samplers, latency.

Imports zoo and export, and what lies below them.
"""

from kerasgan.inspection.describe import inspect

__all__ = ["inspect"]
