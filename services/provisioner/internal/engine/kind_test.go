package engine

import (
	"testing"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// TestEveryErrandHasItsKind goes through what an errand may be by its proto, so
// that a new one that nobody gave a kind is found here.
func TestEveryErrandHasItsKind(t *testing.T) {
	if kindOf(nil) != (generation{}) || kindOf(&pb.OperationRecord{}) != (generation{}) {
		t.Error("what is no errand is not a generation's")
	}
	if kind := kindOf(&pb.OperationRecord{Errand: &pb.Errand{}}); kind.unfit(nil) == nil {
		t.Error("unknown work is taken for done")
	}
	all := (&pb.Errand{}).ProtoReflect().Descriptor().Oneofs().ByName("work").Fields()
	said := map[string]bool{unknownErrand{}.traits().asked: true}
	for i := range all.Len() {
		work := &pb.Errand{}
		work.ProtoReflect().Set(all.Get(i), work.ProtoReflect().NewField(all.Get(i)))
		is := kindOf(&pb.OperationRecord{Errand: work}).traits()
		if !is.errand || is.code == 0 || is.succeeded == "" {
			t.Errorf("%s has a generation, no failure code, or no words for its success: %+v", all.Get(i).Name(), is)
		}
		if said[is.asked] {
			t.Errorf("%s is asked for in the words of another: %q", all.Get(i).Name(), is.asked)
		}
		said[is.asked] = true
	}
}
