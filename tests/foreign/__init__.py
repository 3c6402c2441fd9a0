"""Kinds of GAN that kerasgan does not include, each written as a user would write it."""
