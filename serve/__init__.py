"""Live translation: streams over the network, and what a shared task takes. A package of simulst-agents."""
