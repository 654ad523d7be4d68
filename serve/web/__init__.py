"""`simulst serve`: a page and a WebSocket behind one port, every client in the batch of one engine."""
