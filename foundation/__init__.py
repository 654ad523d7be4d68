"""The ground floor, which every other folder stands on and which needs none of them."""
