"""The image of a submission: what it is made of, how it starts, and whether it lives."""
