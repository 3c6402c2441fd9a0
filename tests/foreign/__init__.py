"""GANs of kinds that kerasgan does not have, written as a user would write them."""
