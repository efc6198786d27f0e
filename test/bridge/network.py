"""A network between clients and a bridge: bytes come in pieces and late, or for a
while not at all."""
import asyncio
import random
import threading


class Network:
    """Takes a bridge's place for who connects to it: `address`, `database`. Each
    connection is delayed on its own."""

    def __init__(self, bridge, seed, delay=0.01):
        self.bridge, self.database = bridge, bridge.database
        self.rng, self.delay = random.Random(seed), delay
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.address = self.run(self.listen())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    async def listen(self):
        self.passes = asyncio.Event()
        self.passes.set()
        self.connections = set()
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        return "%s:%d" % self.server.sockets[0].getsockname()

    async def accept(self, reader, writer):
        task = asyncio.current_task()
        self.connections.add(task)
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.bridge.address.split(":"))
            writers.append(far_writer)
            ways = [asyncio.ensure_future(way) for way in (self.carry(reader, far_writer), self.carry(far_reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # nobody listens there now, or it was stopped
        finally:
            self.connections.discard(task)
            for end in writers:
                end.transport.abort()

    async def carry(self, reader, writer):
        while piece := await reader.read(self.rng.choice((17, 400, 64 << 10))):
            if self.rng.random() < 0.3:
                await asyncio.sleep(self.rng.random() * self.delay)
            await self.passes.wait()
            writer.write(piece)
            await writer.drain()

    def hold(self):
        """Nothing passes until release(); nobody is told."""
        self.loop.call_soon_threadsafe(self.passes.clear)

    def release(self):
        self.loop.call_soon_threadsafe(self.passes.set)

    def stop(self):
        async def end():
            self.server.close()
            tasks = list(self.connections)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(60)
        self.loop.close()
