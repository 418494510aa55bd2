// Package placement chooses the cell of a stamp, and says what is in the way
// when none can be chosen.
//
// [Place] is pure: cells that must not or cannot take the stamp are left out,
// each with its reason; of the rest the one with the most room is taken. Room
// is counted by resource in what a recipe's footprint asks for, and is never
// overcommitted. The [Placer] is the one writer of placements: it runs under
// one claim, so reservations are made one after another.
package placement
