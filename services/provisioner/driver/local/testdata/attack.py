"""One attack of a tenant's program on a stamp: attack.py NAME TARGET.

It ends well when it got through. The target is what the test knows of a stamp,
as JSON: far more than a neighbour would know.
"""
import ctypes, json, os, resource, signal, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
at = json.loads(sys.argv[2])


def must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read_file(): assert open(at["password"]).read() == at["secret"]
def read_volume(): assert os.listdir(at["volume"]) and open(at["volume"] + "/table").read()
def write_volume(): open(at["volume"] + "/evil", "w").close()
def change_mode(): os.chmod(at["volume"], 0o700)
def read_log(): open(at["log"]).read()
def read_by_root(): open("/proc/%d/root%s" % (at["pid"], at["password"])).read()
def read_by_directory(): os.listdir("/proc/%d/cwd" % at["pid"])
def read_environment(): assert at["secret"].encode() in open("/proc/%d/environ" % at["pid"], "rb").read()
def read_arguments(): assert open("/proc/%d/cmdline" % at["pid"]).read()
def read_memory():
    with open("/proc/%d/mem" % at["pid"], "rb", 0) as f:
        f.seek(at["memory"])
        assert f.read(8)


def write_memory():
    with open("/proc/%d/mem" % at["pid"], "r+b", 0) as f:
        f.seek(at["memory"])
        f.write(b"\x7fELF")  # what is there anyway


class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def read_memory_by_call():
    into = ctypes.create_string_buffer(8)
    mine, theirs = Span(ctypes.addressof(into), 8), Span(at["memory"], 8)
    must(libc.process_vm_readv(at["pid"], ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0))


def trace(): must(libc.ptrace(0x4206, at["pid"], None, None))  # PTRACE_SEIZE: it goes on running


def take_open_file():
    fd = must(libc.syscall(434, at["pid"], 0))  # pidfd_open
    must(libc.syscall(438, fd, 1, 0))           # pidfd_getfd


def send_signal(): os.kill(at["pid"], 0)
def send_signal_by_file(): signal.pidfd_send_signal(os.pidfd_open(at["pid"]), 0)
def slow_down(): os.setpriority(os.PRIO_PROCESS, at["pid"], 5)
def pin(): os.sched_setaffinity(at["pid"], os.sched_getaffinity(at["pid"]))
def limit_another(): resource.prlimit(at["pid"], resource.RLIMIT_CORE, (0, 0))


def connect(host, port, source=None):
    s = socket.socket()
    s.settimeout(2)
    if source:
        s.bind((source, 0))
    s.connect((host, port))
    assert s.recv(100)


def every_port():
    reached = []
    for host, port in at["binds"]:
        try:
            connect(host, port)
            reached.append(port)
        except OSError:
            pass
    assert reached, "OSError: none of %s" % at["binds"]
    print("reached", reached)


def connect_from_its_address(): connect(at["host"], at["port"], at["host"])
def connect_by_ipv6():
    s = socket.socket(socket.AF_INET6)
    s.settimeout(2)
    s.connect(("::ffff:" + at["host"], at["port"]))
    assert s.recv(100)


def connect_by_another_user():
    """A user namespace of one's own, where one is root."""
    unshare(0x10000000)
    connect(at["host"], at["port"])


def unshare(flags):
    user = os.getuid()
    must(libc.unshare(flags))
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write("0 %d 1" % user)
    os.setuid(0)


def uncover():
    """Take away what hides the other stamps, as root of a user namespace."""
    unshare(0x10020000)
    if at["own"]:  # what it has put there itself it may take away
        must(libc.mount(b"x", b"/dev/shm", b"tmpfs", 0, None))
        must(libc.umount2(b"/dev/shm", 2))
        return
    must(libc.umount2(at["mask"].encode(), 2))
    os.listdir(at["stamp"])


def datagram():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((at["host"], at["udp"]))
    s.send(b"x")
    assert s.recv(10)


def abstract_socket():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(2)
    s.connect("\0" + at["abstract"])
    assert s.recv(10)


def named_socket():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(2)
    os.chdir(os.path.dirname(at["socket"]))  # a socket's path is short
    s.connect(os.path.basename(at["socket"]))
    assert s.recv(10)


def temporary_file(): os.stat(at["tmp"] + "/" + at["temporary"])
def other_temporary_file(): os.stat("/var/tmp/" + at["temporary"])
def shared_memory_file(): os.stat("/dev/shm/" + at["temporary"])
def shared_memory(): must(libc.shmget(at["key"], 0, 0))
def message_queue():
    libc.mq_open.restype = ctypes.c_int
    must(libc.mq_open(("/" + at["temporary"]).encode(), os.O_RDONLY))


# What no stamp may do, not even to what is its own.

def become_root(): os.setuid(0)
def use_setuid_program(): assert os.popen(at["setuid"] + " -u").read().strip() == "0", "OSError: it is not root"
def use_su(): assert os.system("su -c true </dev/null") == 0, "OSError: it is not root"
def raise_limit(): resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 17, 1 << 17))
def listen_to_all(): socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
def forge_packets(): socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
def mount(): must(libc.unshare(0x20000)); must(libc.mount(b"x", b"/mnt", b"tmpfs", 0, None))
def read_manifest(): open(at["stamp"] + "/manifest.json").read()
def list_directory(): os.listdir(at["components"])
def list_stamp(): os.listdir(at["stamp"])
def read_result(): os.listdir(at["stamp"] + "/jobs")
def read_supervisor_log(): open(at["stamp"] + "/supervisor.log").read()
def ask_supervisor():
    os.chdir(at["stamp"] + "/run")
    socket.socket(socket.AF_UNIX).connect("sock")

def signal_supervisor(): os.kill(at["supervisor"], 0)
def trace_supervisor(): must(libc.ptrace(0x4206, at["supervisor"], None, None))
def read_backups(): os.listdir(at["backups"])
def write_artifact(): open(at["artifact"], "r+b").close()
def add_artifact(): open(os.path.dirname(at["artifact"]) + "/evil", "w").close()
def replace_log():
    os.rename(at["log"], at["log"] + ".moved")
    os.rename(at["log"] + ".moved", at["log"])


def replace_files():
    files = at["components"] + "/app/files"
    os.rename(files, files + ".moved")
    os.rename(files + ".moved", files)


def put_into_stamp(): open(at["stamp"] + "/evil", "w").close()
def see_allocations(): open(at["allocations"]).read()


def write_elsewhere():
    """Anywhere on the machine but in its own places."""
    mine = at["stamp"], at["mask"], "/tmp", "/var/tmp", "/dev/shm", "/proc"
    found = [d for d, _, _ in os.walk("/", topdown=True) if leads(d, mine)]
    assert found, "OSError: nowhere"
    print(found[:20])


def leads(d, mine):
    return os.access(d, os.W_OK) and not any(d == m or d.startswith(m + "/") for m in mine)


def groups():
    for line in open("/proc/self/cgroup"):
        _, controllers, path = line.strip().split(":", 2)
        if controllers in ("cpu", "memory", "pids"):
            yield "/sys/fs/cgroup/" + controllers, path
        elif not controllers and os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            yield "/sys/fs/cgroup", path


def leave_group():
    for root, _ in groups():
        open(root + "/cgroup.procs", "w").write(str(os.getpid()))


def join_group():
    for procs in at["groups"]:
        open(procs, "w").write(str(os.getpid()))


def lift_limits():
    for procs in at["groups"]:
        group = os.path.dirname(os.path.dirname(procs))
        for name in "pids.max", "memory.limit_in_bytes", "cpu.cfs_quota_us", "memory.max", "cpu.max":
            if os.path.exists(group + "/" + name):
                open(group + "/" + name, "r+").close()
                print("lifted", name)


def change_firewall():
    """Delete a table that is not there: who may is told so."""
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.settimeout(2)

    def message(kind, flags, seq, body):
        return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body
    head = struct.pack(">BBH", 0, 0, 10)
    name = b"stampworks-not-there\0\0\0\0"
    table = struct.pack("=HH", 4 + len(name), 1) + name
    s.send(message(16, 1, 1, head) + message(10 << 8 | 2, 5, 2, struct.pack(">BBH", 2, 0, 0) + table) + message(17, 1, 3, head))
    answer = s.recv(4096)
    error = -struct.unpack("=i", answer[16:20])[0]
    if error != 2:  # ENOENT
        raise OSError(error, os.strerror(error))


def change_firewall_by_another_user():
    unshare(0x10000000)
    change_firewall()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
