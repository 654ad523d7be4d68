"""The data of the mini model, and what is measured of its texts."""
