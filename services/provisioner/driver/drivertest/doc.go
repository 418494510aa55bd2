// Package drivertest is the one conformance suite that every driver passes.
//
// A driver's own test gives it a way to open a cell:
//
//	func TestMain(m *testing.M) { os.Exit(drivertest.Main(m)) }
//
//	func TestConformance(t *testing.T) {
//		drivertest.Run(t, func(t *testing.T) drivertest.Fixture {
//			return drivertest.Fixture{Driver: …, Reopen: …, Kill: …, Artifact: …}
//		})
//	}
//
// What the stamps of the suite run is the test binary itself (see [Program]);
// a driver that runs nothing gives its jobs to [Program] in its own process, but
// for "put" and "get" when its files are not real ones.
package drivertest
