package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
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

// Ports of FreePort: below those that kernels give to whoever asks for any, and
// below those of customers' stamps.
const firstPort, ports = 10_000, 9_000

// lastPort counts on from a place of this process's own.
var lastPort = func() *atomic.Int32 {
	var n atomic.Int32
	n.Store(rand.Int32N(ports))
	return &n
}()

// FreePort gives a loopback port for programs that must be told one. It gives none
// twice; a program that was told the same by somebody else may take it first.
func FreePort(t testing.TB) int {
	t.Helper()
	for range ports {
		port := firstPort + int(lastPort.Add(1))%ports
		if lis, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = lis.Close()
			return port
		}
	}
	t.Fatal("no port is free on loopback")
	return 0
}
