"""Distribution `simulst-agents`: the folders of this checkout as plain top-level packages.

    pip install -e . torch==2.9.1         # agents and evaluation
    pip install -e ".[train,test]"        # and training, and all that the tests need

fairseq2 0.8.1 runs with torch 2.9.1 only, while agents and evaluation run with any later torch too.
Naming torch 2.9.1 in the first command keeps the second from installing torch again.
"""

from setuptools import find_namespace_packages, setup

FOLDERS = ("models", "agents", "train", "evaluation", "serve")

setup(
    name="simulst-agents",
    version="0.1.0",
    description="An open toolkit for simultaneous speech translation",
    license="MIT",
    python_requires=">=3.10,<3.13",
    packages=find_namespace_packages(include=[*FOLDERS, *(f"{name}.*" for name in FOLDERS)]),
    py_modules=["simulst"],
    # The checkout itself goes on the import path, so that a new folder needs no new installation.
    package_dir={"": "."},
    entry_points={"console_scripts": ["simulst = simulst:main"]},
    install_requires=[
        "torch>=2.9.1",
        "simuleval==1.1.4",
        "numpy>=2.2,<3",
        "scipy>=1.13",
        "soundfile>=0.12",
        "soxr>=0.5",
        "safetensors>=0.6,<1",
        "tokenizers>=0.22,<0.23",
        "huggingface_hub>=0.34,<1",
        "sentencepiece>=0.2",
        "sacrebleu>=2.4,<3",
        "jiwer>=4,<5",
        "pyyaml>=6",
        "tqdm",
        "matplotlib>=3.9",
        # fairseq2 0.8.1 wants this one: without it here the second command would install it again.
        "packaging>=24.1,<25",
    ],
    extras_require={
        "train": ["fairseq2==0.8.1", "torcheval"],
        # One of the engines of `train.prepare speak`.
        "tts": ["hibari-tts==0.2.1"],
        # SimulEval brings pytest-flake8, with which pytest 9 does not start.
        "test": [
            "pytest>=8,<9",
            "ruff>=0.9",
            "transformers>=4.57,<5",
            "peft>=0.17,<1",
            "omnisteval>=0.1.10,<0.2",
            # Looks at reports in the system's Chromium; it brings none.
            "playwright>=1.50,<2",
            "submitit>=1.5,<2",
        ],
        # Qwen2-Audio, and its fine-tuning with LoRA.
        "audio-language": ["transformers>=4.57,<5", "peft>=0.17,<1"],
        # Sweeps as jobs of Slurm.
        "cluster": ["submitit>=1.5,<2"],
        "serve": ["simulstream==1.0.0"],
    },
)
