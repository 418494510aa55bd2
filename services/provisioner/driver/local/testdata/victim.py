"""A stamp's component with everything that a neighbour may want: TARGET as JSON."""
import ctypes, json, os, signal, socket, sys, threading

libc = ctypes.CDLL(None, use_errno=True)
at = json.loads(sys.argv[1])
with open(at["volume"] + "/table", "w") as f:
    f.write("tickets")


def serve(s):
    s.listen()
    while True:
        c, _ = s.accept()
        c.sendall(b"hello")
        c.close()


def listen(family, address):
    s = socket.socket(family)
    if family == socket.AF_INET:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    elif os.path.exists(address):
        os.unlink(address)
    s.bind(address)
    threading.Thread(target=serve, args=(s,), daemon=True).start()


for host, port in at["binds"]:
    listen(socket.AF_INET, (host, port))
listen(socket.AF_UNIX, "\0" + at["abstract"])
os.chdir(os.path.dirname(at["socket"]))  # a socket's path is short
listen(socket.AF_UNIX, os.path.basename(at["socket"]))
os.umask(0)
os.chmod(at["socket"], 0o777)
files = [place + "/" + at["temporary"] for place in (os.environ["TMPDIR"], "/var/tmp", "/dev/shm")]
for name in files:
    open(name, "w").close()
queue = ("/" + at["temporary"]).encode()
memory = libc.shmget(at["key"], 4096, 0o1666)
if memory < 0 or libc.mq_open(queue, os.O_RDWR | os.O_CREAT, 0o666, None) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))


def leave(*_):
    """Without isolation it is the machine where all this was made."""
    for name in files:
        os.unlink(name)
    libc.mq_unlink(queue)
    libc.shmctl(memory, 0, None)  # IPC_RMID
    os._exit(0)


signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((at["host"], at["udp"]))
while True:
    _, peer = s.recvfrom(10)
    s.sendto(b"hello", peer)
