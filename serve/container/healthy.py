"""Whether the server of the image answers: exit status 0 or 1, for Docker's HEALTHCHECK.

    python -m serve.container.healthy [PORT]

It gives back a session that nobody has opened, which simulstream answers as soon as the model is loaded.
Asking for `speech_chunk_size`, as a client does first, would open a session: a client that came at that
moment might find no processor free.
"""

import json
import sys
import urllib.error
import urllib.request

PORT = 8080
TIMEOUT_S = 5.0
SESSION = {"session_id": "health check"}


def is_healthy(port: int) -> bool:
    """Whether a server on this machine answers within TIMEOUT_S."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/clear", json.dumps(SESSION).encode("utf-8"), method="POST"
    )
    # Not through a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return answer.status == 204
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_healthy(int(sys.argv[1]) if len(sys.argv) > 1 else PORT) else 1)
