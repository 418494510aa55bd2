package outputonly_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"stampworks.dev/pkg/rpc/outputonly"
)

// field is one of a message; of is the message that it holds, or nothing.
func field(name string, number int32, of string, behaviors ...annotations.FieldBehavior) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{
		Name: &name, Number: &number, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
		Options: &descriptorpb.FieldOptions{},
	}
	if of != "" {
		f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), &of
	}
	if len(behaviors) > 0 {
		proto.SetExtension(f.GetOptions(), annotations.E_FieldBehavior, behaviors)
	}
	return f
}

func TestPath(t *testing.T) {
	only := annotations.FieldBehavior_OUTPUT_ONLY
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("desk.proto"), Package: proto.String("desk"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Ticket"), Field: []*descriptorpb.FieldDescriptorProto{
				field("name", 1, "", annotations.FieldBehavior_IDENTIFIER), field("title", 2, ""), field("state", 3, "", annotations.FieldBehavior_REQUIRED, only),
				field("status", 4, ".desk.Ticket", only), field("parent", 5, ".desk.Ticket"),
			},
		}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"state": true, "status": true, "status.title": true, "parent.state": true, "parent.parent.status.x": true,
		"name": false, "title": false, "parent": false, "parent.title": false, "nope": false, "title.state": false, "": false,
	} {
		if got := outputonly.Path(file.Messages().ByName("Ticket"), path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
