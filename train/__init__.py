"""fairseq2 recipes, and what prepares their data. A package of simulst-agents."""

import foundation  # noqa: F401  refuses to go on with packages of others under our names
