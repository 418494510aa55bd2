package testkit_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
)

func TestSharedEtcdIsOnePerBinary(t *testing.T) {
	a, b := testkit.Etcd(t), testkit.Etcd(t)
	if a != b {
		t.Fatal("two shared servers")
	}
	if first, second := testkit.Prefix(t), testkit.Prefix(t); first == second {
		t.Fatal("two tests would share a prefix")
	}
	if _, err := a.Client(t).Put(t.Context(), testkit.Prefix(t)+"k", "v"); err != nil {
		t.Fatal(err)
	}
}

func TestOwnEtcdKeepsDataAndEndpointOverRestart(t *testing.T) {
	s := testkit.OwnEtcd(t)
	client := s.Client(t)
	if _, err := client.Put(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	testkit.Eventually(t, 10*time.Second, func() error {
		resp, err := client.Get(t.Context(), "k")
		if err == nil && len(resp.Kvs) != 1 {
			err = errors.New("key is gone")
		}
		return err
	})
}

func TestEventuallyFailsWithTheLastError(t *testing.T) {
	fake := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		testkit.Eventually(fake, time.Millisecond, func() error { return errors.New("not yet") })
	}()
	<-done
	if !fake.failed {
		t.Fatal("Eventually did not fail")
	}
}

func TestLoggerAfterTheEnd(t *testing.T) {
	var late func()
	t.Run("short", func(t *testing.T) {
		log := testkit.Logger(t)
		log.Info("in time")
		late = func() { log.Info("too late") }
	})
	late() // would panic in testing.T
}

func TestPorts(t *testing.T) {
	if testkit.FreePort(t) == 0 {
		t.Fatal("no port")
	}
	conn, err := net.Dial("tcp", testkit.Listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
