package tenantregistry_test

import (
	"strings"
	"testing"

	"stampworks.dev/pkg/config"
	tenantregistry "stampworks.dev/services/tenant-registry"
)

// TestExampleConfig: what operators copy is what the service reads.
func TestExampleConfig(t *testing.T) {
	cfg := tenantregistry.Default()
	if err := config.Load("../../deploy/config/tenant-registry.yaml", &cfg, nil); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryKeyHasAMeaning(t *testing.T) {
	cfg := tenantregistry.Default()
	if text := config.Describe(&cfg); strings.Contains(text, " \n") {
		t.Errorf("a line ends without one:\n%s", text)
	}
}
