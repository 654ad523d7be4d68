"""simulst serve [CONFIG.yaml] [--port N] [--KEY VALUE ...]

A page with live captions, and a WebSocket that speaks simulstream's protocol, for many clients of one model.
Ends with Ctrl-C or SIGTERM, and tells its clients.
"""

import signal
import socket
import ssl
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from agents.configuration.agent_configuration import AgentConfiguration
from agents.configuration.model_checks import check_models
from agents.glossary import check_context
from foundation.errors import InputError
from serve.commands.serve_arguments import ServeArguments
from serve.served_configuration import served_configuration
from serve.web.limits import LOOPBACK
from serve.web.session_log import SessionLog

NEEDED = ("starlette", "uvicorn", "websockets", "prometheus_client")


def run(args: ServeArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst serve`. keys: the words behind each flag that replaces a key of the file."""
    configuration = served_configuration(args.configuration, keys)
    check_context(configuration.history)
    _check_certificate(args)
    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        raise InputError(f"serving needs {absent[0]}: pip install -e '.[serve]'")
    if args.ray and find_spec("ray") is None:
        raise InputError("--ray needs ray: pip install -e '.[serve,cluster]'")
    listener = _listen(args.host, args.port)
    check_models(configuration)
    if args.host not in LOOPBACK and args.token_file is None:
        print(
            f"warning: whoever reaches {args.host} may use this server: give --token-file",
            file=sys.stderr,
        )
    if args.ray:
        listener.close()  # it was free: Ray's proxy listens there
        _run_replicas(args, keys, configuration)
        return
    # Before the model is loaded: a file that cannot be written shall be told at once.
    log = None if args.session_log is None else SessionLog(args.session_log)
    print("loading the model", file=sys.stderr)
    from serve.served_agent import served_agent
    from serve.web.app import LiveServer
    from serve.web.server import make_server

    live = LiveServer(served_agent(configuration, args.workers), configuration, args, log)
    listener.listen()
    _say_ready(args, listener.getsockname()[1])
    try:
        make_server(live.app(), args).run(sockets=[listener])
    finally:
        live.agent.engine.close()
        if log is not None:
            log.close()


def _run_replicas(
    args: ServeArguments, keys: Mapping[str, Sequence[str]], configuration: AgentConfiguration
) -> None:
    """Until Ctrl-C or SIGTERM. Raises InputError where a replica cannot start."""
    print(f"starting {args.replicas} replicas", file=sys.stderr)
    from serve.replicas import end_replicas, serve_replicas

    try:
        serve_replicas(args, keys, on_gpu=configuration.translator.device.startswith("cuda"))
        ends = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ends.set())  # in place of Ray's handler, which aborts
        _say_ready(args, args.port)
        ends.wait()
    except KeyboardInterrupt:
        pass
    except RuntimeError as error:
        raise InputError(f"replicas cannot start: {error}") from None
    finally:
        end_replicas()


def _say_ready(args: ServeArguments, port: int) -> None:
    scheme = "http" if args.tls_certificate is None else "https"
    shown = f"[{args.host}]" if ":" in args.host else args.host
    print(f"ready at {scheme}://{shown}:{port}/", flush=True)


def _check_certificate(args: ServeArguments) -> None:
    """Raises InputError, before the model is loaded, for a certificate that the server could not use."""
    if args.tls_certificate is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(args.tls_certificate, args.tls_key)
        except OSError as error:  # SSLError is one
            raise InputError(
                f"--tls-certificate {args.tls_certificate} cannot be used ({error.strerror}): give a "
                "certificate and its private key in PEM"
            ) from None


def _listen(host: str, port: int) -> socket.socket:
    """Before the model is loaded: an address that is taken shall be told at once."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        raise InputError(
            f"cannot listen at {host} port {port} ({error.strerror}): give another --host or --port"
        ) from None
    return listener
