"""The ground floor: one of each tool that every command needs. It imports nothing of the project above it."""
