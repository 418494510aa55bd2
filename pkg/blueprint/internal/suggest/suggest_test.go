package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"artifact", "volumes", "ports", "run", "ready", "live", "after"}
	for name, want := range map[string]string{
		"artefact": "artifact", "rnu": "run", "port": "ports", "redy": "ready", "Ports": "ports", "aftre": "after",
		"command": "", "xyz": "", "": "", "environment": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := DidYouMean("prots", known); got != `; did you mean "ports"?` {
		t.Errorf("got %s", got)
	}
}
