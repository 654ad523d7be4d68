"""`simulst serve --ray`: one address, and behind it as many copies of the server as Ray Serve starts.

Ray's proxy gives each connection to one replica and keeps it there, so that a client's streams stay where
they began. Ray starts a further replica where the open connections of those that run are more than
`streams_at_once` each, and ends one where they are less: the scheduling is all its own. Each replica has a
process, a model, an engine and limits of its own; where the model runs on a GPU, each takes one.
"""

import logging
from collections.abc import Mapping, Sequence

import ray
from ray import serve
from ray.serve.schema import LoggingConfig
from starlette.applications import Starlette

from serve.commands.serve_arguments import ServeArguments
from serve.served_configuration import served_configuration

NAME = "simulst"
# Beside clients' connections: the page's files, health and metrics.
FURTHER_REQUESTS = 32


def serve_replicas(args: ServeArguments, keys: Mapping[str, Sequence[str]], on_gpu: bool) -> None:
    """Run replicas until the caller ends the program; returns once the first ones are ready.

    keys: the words behind each flag that replaces a key of the file, from which each replica reads its
    agent. The cluster is that of RAY_ADDRESS, or else a new one on this machine. Raises RuntimeError where a
    replica cannot start.
    """
    ray.init(include_dashboard=False, logging_level=logging.WARNING, log_to_driver=False)
    # Lines about clients are left out, as by the server itself: they hold addresses.
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    serve.start(
        logging_config=quiet,
        http_options={
            "host": args.host,
            "port": args.port,
            "ssl_certfile": None if args.tls_certificate is None else str(args.tls_certificate),
            "ssl_keyfile": None if args.tls_key is None else str(args.tls_key),
        },
    )
    deployment = serve.deployment(
        name=NAME,
        logging_config=quiet,
        max_ongoing_requests=args.clients + FURTHER_REQUESTS,
        autoscaling_config={
            "min_replicas": args.replicas,
            "max_replicas": max(args.replicas, args.most_replicas or 0),
            "target_ongoing_requests": args.streams_at_once,
        },
        ray_actor_options={"num_gpus": 1 if on_gpu else 0},
    )
    replica = deployment(serve.ingress(lambda: _app(args, keys))())
    serve.run(replica.bind(), name=NAME)


def end_replicas() -> None:
    """End all replicas, their connections, and Ray where it was started here."""
    serve.shutdown()
    ray.shutdown()


def _app(args: ServeArguments, keys: Mapping[str, Sequence[str]]) -> Starlette:
    """The routes of one replica, in its own process."""
    from serve.served_agent import served_agent
    from serve.web.app import LiveServer

    configuration = served_configuration(args.configuration, keys)
    return LiveServer(served_agent(configuration, args.workers), configuration, args).app()
