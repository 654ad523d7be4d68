"""Policies, the engine that asks them, and SimulEval's entry files. A package of simulst-agents."""
