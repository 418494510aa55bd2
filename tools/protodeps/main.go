// Command protodeps writes the third-party .proto files that our contracts
// import into a folder.
//
// They come out of the descriptors inside the Go packages that we link anyway,
// so go.sum is the one source of their versions: nothing is vendored, and no
// schema registry is asked. HTTP rules of services that are not ours (the
// long-running operations) are replaced by those of a file of our own.
//
//	protodeps -out third_party -http operations.http.json
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
)

func main() {
	out := flag.String("out", "", "folder to write to")
	rules := flag.String("http", "", "google.api.Http message in JSON: the HTTP rules of services that are not ours")
	flag.Parse()
	if err := run(*out, *rules); err != nil {
		log.Fatal(err)
	}
}

// run replaces the folder out by the files found.
func run(out, rulesFile string) error {
	raw, err := os.ReadFile(rulesFile)
	if err != nil {
		return fmt.Errorf("read http rules: %w", err)
	}
	var rules annotations.Http
	if err := protojson.Unmarshal(raw, &rules); err != nil {
		return fmt.Errorf("parse %s: %w", rulesFile, err)
	}
	var files []protoreflect.FileDescriptor
	for file := range protoregistry.GlobalFiles.RangeFiles {
		if wanted(file.Path()) {
			files = append(files, file)
		}
	}
	for i, file := range files {
		if files[i], err = withRules(file, rules.GetRules()); err != nil {
			return fmt.Errorf("apply http rules to %s: %w", file.Path(), err)
		}
	}
	if err := os.RemoveAll(out); err != nil {
		return fmt.Errorf("clear folder: %w", err)
	}
	printer := protoprint.Printer{SortElements: true}
	if err := printer.PrintProtosToFileSystem(files, out); err != nil {
		return fmt.Errorf("print files: %w", err)
	}
	return nil
}

// wanted leaves out what the compiler brings along.
func wanted(path string) bool {
	return strings.HasPrefix(path, "buf/") ||
		strings.HasPrefix(path, "google/") && !strings.HasPrefix(path, "google/protobuf/")
}

// withRules gives the services of a file that the rules select their rules
// instead of those that they came with. Methods without a rule lose theirs.
func withRules(file protoreflect.FileDescriptor, rules []*annotations.HttpRule) (protoreflect.FileDescriptor, error) {
	desc := protodesc.ToFileDescriptorProto(file)
	changed := false
	for _, service := range desc.GetService() {
		prefix := desc.GetPackage() + "." + service.GetName() + "."
		selected := make(map[string]*annotations.HttpRule)
		for _, rule := range rules {
			if method, ok := strings.CutPrefix(rule.GetSelector(), prefix); ok {
				selected[method] = rule
			}
		}
		if len(selected) == 0 {
			continue
		}
		changed = true
		for _, method := range service.GetMethod() {
			setRule(method, selected[method.GetName()])
		}
	}
	if !changed {
		return file, nil
	}
	return protodesc.NewFile(desc, protoregistry.GlobalFiles)
}

// setRule sets or, with nil, clears the HTTP rule of a method.
func setRule(method *descriptorpb.MethodDescriptorProto, rule *annotations.HttpRule) {
	if method.Options == nil {
		method.Options = &descriptorpb.MethodOptions{}
	}
	proto.ClearExtension(method.Options, annotations.E_Http)
	if rule != nil {
		rule = proto.CloneOf(rule)
		rule.Selector = ""
		proto.SetExtension(method.Options, annotations.E_Http, rule)
	}
}
