package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest labels the definition of one component, so that the driver can tell
// whether what runs is what is wished. Where its program is and whose user it
// is belong to the definition: the same command of a newer archive is another
// definition. It is a label only: the engine compares field by field.
func (m Manifest) Digest(component string) (string, error) {
	c, ok := m.Components[component]
	if !ok {
		return "", fmt.Errorf("digest manifest: no component %q", component)
	}
	c.Stopped, c.CPUShareMillis, c.Telemetry = false, 0, nil
	text, err := json.Marshal(struct {
		Component
		ProgramDir    string
		ProgramDigest string
		UserID        int
	}{c, m.Site.Artifacts[c.Artifact].Dir, m.Site.Artifacts[c.Artifact].Digest, m.Site.UserID})
	if err != nil {
		return "", fmt.Errorf("digest component %q: %w", component, err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
