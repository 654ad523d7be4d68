"""Agents that listen to many clients at once, behind simulstream's servers. A package of simulst-agents."""
