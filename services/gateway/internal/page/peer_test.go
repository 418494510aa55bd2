package page

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestOwnerOf(t *testing.T) {
	const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	const v4 = header +
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n" +
		"   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1\n" +
		"   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 200001        0 3 1\n" +
		"   3: 0100007F:C351 0100007F:1F90 06 00000000:00000000 00:00000000 00000000     0        0 0 1\n"
	const v6 = header +
		"   0: 00000000000000000000000001000000:C350 00000000000000000000000001000000:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4 1\n"
	if user, has := ownerOf(v4, "127.0.0.1:50000", "127.0.0.1:8080"); !has || user != 200001 {
		t.Errorf("IPv4: %d, %v", user, has)
	}
	if user, has := ownerOf(v6, "[::1]:50000", "[::1]:8080"); !has || user != 1000 {
		t.Errorf("IPv6: %d, %v", user, has)
	}
	for _, other := range [][2]string{{"127.0.0.1:50001", "127.0.0.1:8080"}, {"127.0.0.1:50000", "127.0.0.1:8081"}, {"127.0.0.2:50000", "127.0.0.1:8080"}, {"", ""}} {
		if user, has := ownerOf(v4, other[0], other[1]); has {
			t.Errorf("%v: %d", other, user)
		}
	}
}

// TestIsPerson connects as other users, which only root can.
func TestIsPerson(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	users := map[int]bool{os.Getuid(): true}
	if os.Getuid() == 0 {
		users[1000], users[33], users[210000] = true, false, false
	}
	for user, want := range users {
		client := exec.Command("bash", "-c", `exec 3<>"/dev/tcp/127.0.0.1/$0"; read -u 3`, portOf(t, l.Addr()))
		if os.Getuid() == 0 {
			client.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
		}
		if err := client.Start(); err != nil {
			t.Skipf("needs bash: %v", err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := isPerson(conn.RemoteAddr().String(), conn.LocalAddr().String()); got != want {
			t.Errorf("user %d: %v, want %v", user, got, want)
		}
		_ = conn.Close()
		_ = client.Wait() // it ends with the connection, as it may
	}
}

func portOf(t *testing.T, at net.Addr) string {
	t.Helper()
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
