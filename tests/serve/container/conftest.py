import socket

import pytest


@pytest.fixture(scope="session")
def unused_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
