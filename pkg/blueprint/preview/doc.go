// Package preview says what a change of a tenant would do to its components,
// from what is wished alone: both sides are rendered for the same place, which
// stands for any ([Symbolic]), with secrets by name, and compared field by
// field. It is pure; it knows neither a stamp nor a cell.
//
// Example:
//
//	before := &preview.Side{Recipe: old, Tenant: t, Inputs: inputs}
//	after := &preview.Side{Recipe: new, Tenant: t, Inputs: inputs}
//	p, err := preview.Between(before, after) // err: an input does not fit, …
//	fmt.Println(p.GetSummary())              // Changes app; db stays as it is.
//
// What one stamp, as it is, would go through is the provisioner's to say: its
// plan uses the same comparison, [Fields] and [Summary].
package preview
