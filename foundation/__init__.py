"""The ground floor of simulst-agents: one of each tool that all folders need. It imports nothing above it.

Whoever imports it learns at once whether Python would find other packages under the names of ours.
"""

import sys

from foundation.import_path import hidden_package

if trouble := hidden_package():
    # No ImportError: `python -m`, torchrun and simuleval would show it below a traceback.
    sys.exit(f"error: {trouble}")
