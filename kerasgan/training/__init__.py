"""Trainings in run directories: recipes, sessions, checkpoints, workers.

Imports callbacks, evaluation, models and what lies below them; never export.
"""
