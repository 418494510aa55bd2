package cells

import (
	"maps"
	"testing"

	"stampworks.dev/services/provisioner/internal/placement"
)

// TestOnlyWhatIsThereIsTold: the demo takes PostgreSQL when it is named.
func TestOnlyWhatIsThereIsTold(t *testing.T) {
	kept := map[string]string{"postgres": placement.NoProgram, "python3": "3.11.2", "odd": ""}
	if got := found(kept); !maps.Equal(got, map[string]string{"python3": "3.11.2", "odd": ""}) {
		t.Errorf("told of %v", got)
	}
	if kept["postgres"] != placement.NoProgram {
		t.Error("placement no longer knows what is missing")
	}
}
