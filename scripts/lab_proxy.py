"""What a bad network does to the connections that one machine of a lab makes: they pass through here, byte for byte.

    lab_proxy.py PORT MARK

Connections are redirected here by the packet filter (see Host.start_proxy in cluster_lab.py); the mark keeps the proxy's own ones from
coming back. Each line of the standard input is a fault, answered by one line when it is at work:

    delay MS           every byte comes so much later, in both directions
    stall              nothing passes until something else is said; connections stay
    drip BYTES MS      so many bytes at a time, with a pause after each
    reset ONE|ALL|HALF connections end as if the network had forgotten them: the newest one, all, or all for this machine only while the other
                       end hears nothing; answers how many
    heal               all works
"""

import asyncio
import collections
import socket
import struct
import sys
import time

SO_ORIGINAL_DST = 80
PIECE = 65536
PIECES_MAX = 64  # of one direction, on the way


class Line:
    """What all connections of this machine suffer from."""

    def __init__(self):
        self.open = asyncio.Event()
        self.connections = []
        self.half_open = []  # what is left of them stays as it is
        self.heal()

    def heal(self):
        self.delay = 0.0
        self.drip = None
        self.open.set()

    def obey(self, words):
        if words[0] == "delay":
            self.delay = float(words[1]) / 1000
        elif words[0] == "stall":
            self.open.clear()
        elif words[0] == "drip":
            self.drip = (int(words[1]), float(words[2]) / 1000)
        elif words[0] == "reset":
            victims = self.connections[-1:] if words[1] == "ONE" else list(self.connections)
            for one in victims:
                one.half_open = words[1] == "HALF"
                one.reset()
            return str(len(victims))
        elif words[0] == "heal":
            self.heal()
        else:
            return "unknown"
        return "done"


class Connection:
    def __init__(self, line, near, far):
        self.line = line
        self.near = near
        self.far = far
        self.half_open = False  # the far end hears nothing any more
        line.connections.append(self)

    def reset(self):
        for _, writer in (self.near,) if self.half_open else (self.near, self.far):
            if not writer.transport.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def pass_all(self):
        ways = [asyncio.ensure_future(way) for way in (*self.pass_on(self.near[0], self.far[1]), *self.pass_on(self.far[0], self.near[1]))]
        try:
            await asyncio.gather(*ways)
            for _, writer in (self.near,) if self.half_open else (self.near, self.far):
                writer.close()
        except OSError:
            self.reset()  # as the one end did, so does the other
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self.line.connections.remove(self)
            if self.half_open:
                self.line.half_open.append(self.far)

    def pass_on(self, reader, writer):
        pieces = collections.deque()
        changed = asyncio.Condition()

        async def read():
            data = None
            while data != b"":
                data = await reader.read(PIECE)
                async with changed:
                    await changed.wait_for(lambda: len(pieces) < PIECES_MAX)
                    pieces.append((time.monotonic() + self.line.delay, data))
                    changed.notify_all()

        async def write():
            while True:
                async with changed:
                    await changed.wait_for(lambda: pieces)
                    due, data = pieces.popleft()
                    changed.notify_all()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self.line.open.wait()
                if data == b"":
                    if writer.can_write_eof() and not self.half_open:
                        writer.write_eof()
                    return
                await self.write_some(writer, data)

        return read(), write()

    async def write_some(self, writer, data):
        while data:
            size, pause = self.line.drip or (len(data), 0)
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]
            if pause:
                await asyncio.sleep(pause)
            await self.line.open.wait()


async def serve(port, mark):
    line = Line()

    async def accept(reader, writer):
        raw = writer.get_extra_info("socket").getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        there = (socket.inet_ntoa(raw[4:8]), struct.unpack("!H", raw[2:4])[0])
        out = socket.socket()
        out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        out.setblocking(False)
        try:
            await line.open.wait()
            await asyncio.get_running_loop().sock_connect(out, there)
            far = await asyncio.open_connection(sock=out)
        except OSError:
            out.close()
            writer.transport.abort()
            return
        for _, one in ((reader, writer), far):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await Connection(line, (reader, writer), far).pass_all()

    await asyncio.start_server(accept, "127.0.0.1", port)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)
    while order := await orders.readline():
        print(line.obey(order.decode().split()), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
