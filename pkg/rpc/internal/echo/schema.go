package echo

import (
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	// The options in the schema are extensions of these files.
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Service is the full name of the service.
const Service = "stampworks.rpctest.EchoService"

const schema = `
name: "stampworks/rpctest/echo.proto"
package: "stampworks.rpctest"
syntax: "proto3"
dependency: "stampworks/type/v1/access.proto"
dependency: "buf/validate/validate.proto"
message_type {
  name: "Note"
  field {
    name: "text" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL json_name: "text"
    options { [buf.validate.field] { string { min_len: 1 max_len: 40 } } }
  }
}
service {
  name: "EchoService"
  method {
    name: "CreateNote" input_type: ".stampworks.rpctest.Note" output_type: ".stampworks.rpctest.Note"
    options { [stampworks.type.v1.access] { permission: "notes.create" callers: "gateway" callers: "health" } }
  }
  method {
    name: "GetNote" input_type: ".stampworks.rpctest.Note" output_type: ".stampworks.rpctest.Note"
    options { [stampworks.type.v1.access] { permission: "notes.get" callers: "gateway" } }
  }
  method {
    name: "Chat" input_type: ".stampworks.rpctest.Note" output_type: ".stampworks.rpctest.Note"
    client_streaming: true server_streaming: true
    options { [stampworks.type.v1.access] { permission: "notes.chat" callers: "gateway" } }
  }
  method {
    name: "WatchNotes" input_type: ".stampworks.rpctest.Note" output_type: ".stampworks.rpctest.Note"
    server_streaming: true
    options { [stampworks.type.v1.access] { permission: "notes.watch" callers: "gateway" } }
  }
  method { name: "Bare" input_type: ".stampworks.rpctest.Note" output_type: ".stampworks.rpctest.Note" }
  method {
    name: "NoCallers" input_type: ".stampworks.rpctest.Note" output_type: ".stampworks.rpctest.Note"
    options { [stampworks.type.v1.access] { permission: "notes.get" } }
  }
}
`

// load registers the schema once, where the server looks for options.
var load = sync.OnceValues(func() (protoreflect.FileDescriptor, error) {
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal([]byte(schema), file); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		return nil, fmt.Errorf("link schema: %w", err)
	}
	return fd, protoregistry.GlobalFiles.RegisterFile(fd)
})
