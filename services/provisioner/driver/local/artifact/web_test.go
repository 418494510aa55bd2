package artifact

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

func TestPrivateAddressesAreRefused(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	s, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		_, err := s.Resolve(t.Context(), "desk", driver.Artifact{File: url, SHA256: strings.Repeat("0", 64)})
		if errs.ReasonOf(err) != "ARTIFACT_ADDRESS_REFUSED" || !errs.Is(err, errs.FailedPrecondition) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("it was asked all the same")
	}
	for address, public := range map[string]bool{
		"93.184.215.14:443": true, "[2606:2800:21f::1]:443": true, "127.0.0.1:80": false, "[::1]:80": false, "10.1.2.3:80": false,
		"192.168.0.1:80": false, "172.16.0.1:80": false, "169.254.169.254:80": false, "[fe80::1]:80": false, "[fd00::1]:80": false,
		"0.0.0.0:80": false, "[::]:80": false, "100.64.0.1:80": false, "[::ffff:127.0.0.1]:80": false, "[64:ff9b::7f00:1]:80": false,
		"224.0.0.1:80": false, "127.0.0.1": false,
	} {
		if err := mustBePublic(address); (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestRedirectsKeepTheirScheme(t *testing.T) {
	server := httptest.NewServer(nil)
	defer server.Close()
	server.Config.Handler = http.RedirectHandler(strings.Replace(server.URL, "http:", "https:", 1), http.StatusFound)
	_, err := store(t).Resolve(t.Context(), "desk", driver.Artifact{File: server.URL, SHA256: strings.Repeat("0", 64)})
	if errs.ReasonOf(err) != "ARTIFACT_ADDRESS_REFUSED" || !strings.Contains(err.Error(), "redirected to https") {
		t.Errorf("Resolve = %v", err)
	}
}
