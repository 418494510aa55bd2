// Package blueprint reads, checks and fills in blueprints: the versioned
// recipes of a product. docs/blueprints.md is the author's side of it.
//
// The contract:
//
//   - It is pure. Nothing is read but the bytes, messages and environments
//     that are handed in, and the same in gives the same out.
//   - Parse and FromMessage find everything that is wrong at once, as Problems
//     with file, line, column, and what was expected. A Recipe has passed
//     every check, so Render can fail only on what differs per tenant.
//   - A command is split into words before anything is filled in: a value is
//     never two arguments, and there is no shell.
//   - A secret never gets into a command or a path, not through values either.
//   - Mentioning another component's port orders the start and opens the
//     network, and nothing else does but "after", which only orders.
//   - A Recipe never changes and may be used by several goroutines.
//
// Example:
//
//	recipe, err := blueprint.Parse("helpdesk.yaml", src)
//	var problems blueprint.Problems
//	if errors.As(err, &problems) {
//		for _, p := range problems {
//			fmt.Println(p) // helpdesk.yaml:12:9: components.app.run: …
//		}
//	}
//	inputs, violations := recipe.ResolveInputs("standard", tenant.Inputs)
//	rendered, err := recipe.Render(blueprint.Environment{Plan: "standard", Inputs: inputs, …})
package blueprint
