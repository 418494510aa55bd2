// Command stamp-host makes one change of what the stamps of a machine share: its
// numbers and its firewall. The provisioner's local driver starts it; there is
// nothing for people to do with it. It reads the change from standard input and
// writes what became of it to standard output, both in JSON. To stop it in the
// middle (SIGSTOP) is to have it killed, see package lockfile.
package main

import (
	"fmt"
	"os"

	"stampworks.dev/services/provisioner/driver/local/change"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "stamp-host: the provisioner starts it, and says on standard input what to do; see docs/operating.md")
		os.Exit(2)
	}
	if err := change.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "stamp-host:", err)
		os.Exit(1)
	}
}
