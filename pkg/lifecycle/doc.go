// Package lifecycle runs the parts of a process together and ends them
// together.
//
// The contract:
//
//   - Every part blocks in Run(ctx) until its work is done or ctx ends, and
//     then puts itself in order: stop accepting, drain, close.
//   - The first part that fails ends all the others. A part that returns nil
//     has finished its work; the others go on.
//   - After the end began, the group waits for StopWithin and no longer; then
//     Run returns an error that names each part that did not stop.
//   - All parts end at the same time. What must outlive others (an embedded
//     database under its services) is started before the group and closed
//     after it, or runs a group of its own around theirs.
//
// Example:
//
//	ctx, stop := lifecycle.SignalContext()
//	defer stop()
//	g := lifecycle.NewGroup(log)
//	g.Add("grpc", server.Serve)
//	g.Add("admin", admin.Run)
//	return g.Run(ctx)
package lifecycle
