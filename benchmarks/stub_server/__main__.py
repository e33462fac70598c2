"""Start the stub server: python -m benchmarks.stub_server [--port 0] [--latency 0.2].  Prints its URL."""

from __future__ import annotations

import argparse
import asyncio
import signal

from benchmarks.stub_server.protocol import HttpProtocol
from benchmarks.stub_server.responses import Responses


async def serve(port: int, latency_s: float, records: int) -> None:
    """Serve until SIGTERM."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    responses: list[Responses] = []
    server = await loop.create_server(lambda: HttpProtocol(responses[0].respond, latency_s), "127.0.0.1", port)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    responses.append(Responses(url, records))
    print(url, flush=True)
    await stopped.wait()
    server.close()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each response")
    parser.add_argument("--records", type=int, default=0, help="number of records for reads")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.latency, options.records))


if __name__ == "__main__":
    main()
