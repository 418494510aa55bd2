package rpc_test

import (
	"crypto/tls"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/internal/echo"
	"stampworks.dev/pkg/rpc/pki"
	"stampworks.dev/pkg/rpc/rpctest"
)

// servedSerial makes a handshake and gives the serial of what the server shows.
func servedSerial(t *testing.T, addr string, client rpc.TLSConfig) *big.Int {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(client.Cert, client.Key)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", addr, &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber
}

func TestARenewedCertificateIsServedWithoutARestart(t *testing.T) {
	var out logs
	srv := serveWith(t, rpc.ServerDeps{Log: out.logger(slog.LevelInfo)}, repeat)
	client := srv.Authority.TLS(t, "gateway")
	dir := filepath.Dir(client.CA)

	before := servedSerial(t, srv.Addr, client)
	if again := servedSerial(t, srv.Addr, client); again.Cmp(before) != 0 {
		t.Fatal("the certificate changes by itself")
	}
	if _, err := pki.IssueWith(dir, srv.Service, pki.Options{Renew: true}); err != nil {
		t.Fatal(err)
	}
	after := servedSerial(t, srv.Addr, client)
	if after.Cmp(before) == 0 {
		t.Error("the old certificate is still served")
	}

	key := filepath.Join(dir, srv.Service+".key")
	if err := os.WriteFile(key, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := servedSerial(t, srv.Addr, client); got.Cmp(after) != 0 {
		t.Error("a broken file replaced a good certificate")
	}
	if !strings.Contains(out.String(), "keeping the present certificate") {
		t.Errorf("nobody was told of the broken file: %s", out.String())
	}
}

func TestAnAuthorityTakenOutIsNotTrustedAnyMore(t *testing.T) {
	srv := serve(t, repeat)
	client := srv.Authority.TLS(t, "gateway")
	if _, err := echo.Call(t.Context(), srv.Dial(t, "gateway"), "GetNote", "x"); err != nil {
		t.Fatal(err)
	}
	// The server reads its authorities from the same file; another one takes
	// the place of ours, while the client keeps a copy.
	kept := filepath.Join(t.TempDir(), "ca.crt")
	raw, err := os.ReadFile(client.CA)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(rpctest.NewAuthority(t).TLS(t, "gateway").CA)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{kept: raw, client.CA: other} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client.CA = kept
	conn, err := rpc.Dial(rpc.ClientConfig{Target: srv.Addr, TLS: client, Server: srv.Service}, rpc.ClientDeps{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := echo.Call(t.Context(), conn, "GetNote", "x"); err == nil {
		t.Error("a client of the removed authority was served")
	}
}
