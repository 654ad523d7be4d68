"""A submission to a shared task: development sets are run, their logs checked, an image prepared."""
