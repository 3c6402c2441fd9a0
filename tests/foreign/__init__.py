"""GANs of kinds that kerasgan itself does not have, each written as a user would write it."""
