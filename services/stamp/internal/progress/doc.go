// Package progress shows how an operation goes on: one row for each component
// with a bar on the operation's own time, redrawn in place on a terminal, and
// a line for each step that begins or ends elsewhere.
//
// Everything that is shown comes from the operation's metadata, so that who
// looks later sees the same:
//
//	final, err := progress.Watch(ctx, gateway, "operations/acme.1", os.Stderr, true)
//	for _, line := range progress.Lines(final, time.Now()) {
//		fmt.Println(line)
//	}
package progress
