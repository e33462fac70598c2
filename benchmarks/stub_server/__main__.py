"""Start the stand-in: python -m benchmarks.stub_server [--port 0] [--latency 0.2].  Prints its URL."""

from __future__ import annotations

import argparse
import asyncio
import signal

from benchmarks.stub_server.protocol import Wire
from benchmarks.stub_server.responses import Answers


async def serve(port: int, latency_s: float, records: int) -> None:
    """Serve until SIGTERM."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    answers: list[Answers] = []
    server = await loop.create_server(lambda: Wire(answers[0].answer, latency_s), "127.0.0.1", port)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    answers.append(Answers(url, records))
    print(url, flush=True)
    await ended.wait()
    server.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--records", type=int, default=0, help="records for who reads")
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.latency, given.records))


if __name__ == "__main__":
    main()
