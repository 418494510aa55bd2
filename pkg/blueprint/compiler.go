package blueprint

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"stampworks.dev/pkg/blueprint/internal/yamlpb"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// compiler turns a message into a recipe, collecting problems on the way. It
// is used once.
type compiler struct {
	file  string
	msg   *typev1.Blueprint
	index *yamlpb.Index

	env     *cel.Env
	symbols map[string]symbol
	values  map[string]*text // as said in "values"
	texts   []*text          // all that can hold expressions, values aside
	plans   map[string]*plan
	used    map[string]bool // symbols that something refers to

	// stored is what was accepted once, by the rules of then. A rule that is added
	// later is for what is published, and lets this pass: it stays in use, so what
	// the rule refuses must do no harm there.
	stored   bool
	problems Problems
	notes    Problems
	damaged  []string // paths of which decoding lost something
}

func newCompiler(file string, msg *typev1.Blueprint, index *yamlpb.Index) *compiler {
	return &compiler{file: file, msg: msg, index: index, used: map[string]bool{},
		symbols: map[string]symbol{}, values: map[string]*text{}, plans: map[string]*plan{}}
}

// compile runs every check, in an order in which later ones can rely on what
// earlier ones built, and goes on after problems.
func (c *compiler) compile() (*Recipe, error) {
	if !c.withinLimits() {
		return nil, c.problems.sorted()
	}
	c.checkHead()
	c.checkNames()
	c.checkArtifacts()
	c.checkInputs()
	c.checkSecrets()
	if err := c.declare(); err != nil {
		return nil, err
	}
	c.compileValues()
	c.resolvePlans()
	r := &Recipe{msg: c.msg, plans: c.plans}
	r.components = c.compileComponents()
	r.smoke = c.compileSmoke()
	r.tasks = c.compileTasks()
	c.checkEndpoint()
	if c.checkValueCycles() {
		c.checkSecretUse()
		r.graph = c.buildGraph()
		c.note()
	}
	if len(c.problems) > 0 {
		return nil, c.problems.sorted()
	}
	r.digest = digestOf(c.msg)
	r.notes = c.notes.sorted()
	return r, nil
}

// at reports a problem at a field.
func (c *compiler) at(path, message, expected string) { c.within(path, 0, message, expected) }

// atKey reports a problem with the name of a field, rather than its value.
func (c *compiler) atKey(path, message, expected string) { c.within(path, -1, message, expected) }

// within reports a problem at a byte of a scalar.
func (c *compiler) within(path string, offset int, message, expected string) {
	if len(c.problems) >= maxProblems {
		return
	}
	if slices.ContainsFunc(c.damaged, func(d string) bool { return d == path || d == parent(path) && !c.index.Has(path) }) {
		return // what it complains about may just be what could not be read
	}
	c.problems = append(c.problems, c.problem(path, offset, message, expected))
}

func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

func (c *compiler) problem(path string, offset int, message, expected string) Problem {
	line, column := c.index.Position(path, offset)
	return Problem{File: c.file, Line: line, Column: column, Path: path, Message: message, Expected: expected}
}

// sortedKeys makes every walk over a map the same each time.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
