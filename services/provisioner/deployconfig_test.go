package provisioner_test

import (
	"strings"
	"testing"

	"stampworks.dev/pkg/config"
	"stampworks.dev/services/provisioner"
)

// TestExampleConfig: what operators copy is what the service reads.
func TestExampleConfig(t *testing.T) {
	cfg := provisioner.Default()
	if err := config.Load("../../deploy/config/provisioner.yaml", &cfg, nil); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryKeyHasAMeaning(t *testing.T) {
	cfg := provisioner.Default()
	if text := config.Describe(&cfg); strings.Contains(text, " \n") {
		t.Errorf("a line ends without one:\n%s", text)
	}
}
