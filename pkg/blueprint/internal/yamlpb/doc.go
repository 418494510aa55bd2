// Package yamlpb decodes YAML into a protobuf message, strictly, and remembers
// where each field stood.
//
// It reads the syntax tree rather than converting to JSON first, so that every
// complaint has the line and column of the author's own file, also those that
// are made long after decoding and inside a scalar. What is refused: unknown
// keys (the nearest known one is offered), duplicate keys, values of another
// type, custom tags, several documents, files over MaxSize, nesting deeper than
// MaxDepth and documents that aliases blow up beyond MaxNodes. Anchors, aliases
// and merge keys ("<<") are fine.
//
//	index, issues := yamlpb.Decode(src, msg, yamlpb.Options{})
//	line, column := index.Position("components.app.run", 17) // byte 17 of the scalar
//
// Decode has no state and may be called from several goroutines.
package yamlpb
