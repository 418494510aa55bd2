package testkit

import (
	"flag"
	"strconv"
)

// AtOnce lets up to n tests of the package run side by side, unless the command
// line says how many. By default it is one for each processor; tests that wait for
// processes, disks and timers more than they compute leave most of that idle.
// It is called by TestMain, before the tests run.
func AtOnce(n int) {
	flag.Parse()
	if given := flag.Lookup("test.parallel"); given.Value.String() == given.DefValue {
		_ = given.Value.Set(strconv.Itoa(n)) // a number is what it takes
	}
}
