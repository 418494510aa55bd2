package testkit_test

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
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

// What goes on is waited for, however long; what is stuck is not.
func TestProgressFailsOnlyWhatIsStuck(t *testing.T) {
	const steps = 20
	for stops, wantFailed := range map[int]bool{steps: false, steps / 2: true} {
		synctest.Test(t, func(t *testing.T) {
			fake, done := &failing{TB: t}, 0
			go testkit.Progress(fake, time.Minute, func() (int, error) {
				time.Sleep(30 * time.Second)
				if done < stops {
					done++
				}
				if done < steps {
					return done, errors.New("not yet")
				}
				return done, nil
			})
			time.Sleep(time.Hour)
			synctest.Wait()
			if fake.failed != wantFailed {
				t.Errorf("one that stops after %d of %d: failed %v", done, steps, fake.failed)
			}
		})
	}
}
