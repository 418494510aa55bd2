package testkit

import (
	"net"
	"testing"
)

// Listen gives a listener on a free loopback port, closed with the test. Prefer
// it, or port 0, to FreePort.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { _ = lis.Close() })
	return lis
}

// FreePort gives a loopback port that was free a moment ago, for programs that
// must be told one. Another program may take it first.
func FreePort(t testing.TB) int {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer func() { _ = lis.Close() }()
	addr, _ := lis.Addr().(*net.TCPAddr)
	return addr.Port
}
