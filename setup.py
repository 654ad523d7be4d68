"""What is in the distribution `simulst-agents`; its name, versions and libraries stand in pyproject.toml."""

from setuptools import find_namespace_packages, setup

# eval_configs holds no code: evaluation files that ship, with their audio.
FOLDERS = ("simulst", "foundation", "models", "agents", "train", "evaluation", "serve", "eval_configs")

setup(
    # Every folder counts as a package, those of weights, configurations and pages too ...
    packages=find_namespace_packages(
        include=[*FOLDERS, *(f"{name}.*" for name in FOLDERS)], exclude=["*.__pycache__"]
    ),
    # ... and all its files belong to it, whatever they are.
    # A model such as tiny.en has a dot in its folder's name, which no package may have.
    package_data={"": ["*"], "models.weights": ["*/*"]},
    # The checkout itself goes on the import path, so that a new folder needs no new installation.
    package_dir={"": "."},
)
