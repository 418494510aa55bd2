package firewall

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// soon is how long an answer may take, in milliseconds: TCP sends again after a
// second, and an answer to that one is too late.
const soon = 700

// loopbackUp turns on the loopback interface of the test's own network.
func loopbackUp(t *testing.T) {
	t.Helper()
	fd := socket(t, 0, unix.AF_INET, unix.SOCK_DGRAM, 0)
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// socket opens one that is the user's, by this thread's user for files.
func socket(t *testing.T, user, family, kind, protocol int) int {
	t.Helper()
	if err := unix.Setfsuid(user); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if back := unix.Setfsuid(0); err != nil || back != nil {
		t.Fatal(err, back)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func socketAddress(at string) (family int, address unix.Sockaddr) {
	a := netip.MustParseAddrPort(at)
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func listen(t *testing.T, at string) {
	t.Helper()
	family, address := socketAddress(at)
	fd := socket(t, 0, family, unix.SOCK_STREAM, 0)
	if err := errors.Join(unix.Bind(fd, address), unix.Listen(fd, 8)); err != nil {
		t.Fatal(err)
	}
}

// answered waits until the socket has something to say.
func answered(fd int, events int16) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, soon)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			return unix.ETIMEDOUT
		}
		return err
	}
}

// connect is what a user's TCP connection ends with.
func connect(t *testing.T, user int, to string) error {
	t.Helper()
	family, address := socketAddress(to)
	fd := socket(t, user, family, unix.SOCK_STREAM, 0)
	if err := unix.Connect(fd, address); !errors.Is(err, unix.EINPROGRESS) {
		return err
	}
	if err := answered(fd, unix.POLLOUT); err != nil {
		return err
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		return unix.Errno(code)
	}
	return err
}

// datagram is what a user's UDP datagram is answered with.
func datagram(t *testing.T, user int, to string) error {
	t.Helper()
	family, address := socketAddress(to)
	fd := socket(t, user, family, unix.SOCK_DGRAM, 0)
	if err := unix.Connect(fd, address); err != nil {
		return err
	}
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		return err
	}
	if err := answered(fd, unix.POLLIN); err != nil {
		return err
	}
	_, err := unix.Read(fd, make([]byte, 1))
	return err
}

// ping sends root's ICMP echo to 127.0.0.1 and waits for the reply.
func ping(t *testing.T) error {
	t.Helper()
	const ipHeader, reply = 20, 0
	fd := socket(t, 0, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	echo := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0} // its checksum is of the rest
	if err := unix.Sendto(fd, echo, 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	for packet := make([]byte, 128); ; {
		if err := answered(fd, unix.POLLIN); err != nil {
			return err
		}
		n, err := unix.Read(fd, packet)
		if err != nil || n > ipHeader && packet[ipHeader] == reply {
			return err
		}
	}
}
