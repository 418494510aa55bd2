package echo

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Handler answers each message of each call. In WatchNotes and Chat an empty
// answer sends nothing; io.EOF ends the stream well.
type Handler func(ctx context.Context, text string) (string, error)

// Method gives the full name of a method.
func Method(name string) string { return "/" + Service + "/" + name }

// Register adds the service, answered by h.
func Register(r grpc.ServiceRegistrar, h Handler) error {
	fd, err := load()
	if err != nil {
		return err
	}
	desc := &grpc.ServiceDesc{ServiceName: Service, HandlerType: (*any)(nil), Metadata: fd.Path()}
	methods := fd.Services().Get(0).Methods()
	for i := range methods.Len() {
		m := methods.Get(i)
		name := string(m.Name())
		if m.IsStreamingServer() {
			desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: m.IsStreamingClient(), Handler: h.stream})
			continue
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: name, Handler: h.unary(name)})
	}
	r.RegisterService(desc, h)
	return nil
}

func (h Handler) unary(name string) grpc.MethodHandler {
	return func(_ any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := note("")
		if err := dec(in); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, req any) (any, error) {
			out, err := h(ctx, text(req))
			if err != nil {
				return nil, err
			}
			return note(out), nil
		}
		if interceptor == nil {
			return handle(ctx, in)
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: h, FullMethod: Method(name)}, handle)
	}
}

func (h Handler) stream(_ any, ss grpc.ServerStream) error {
	for {
		in := note("")
		if err := ss.RecvMsg(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		out, err := h(ss.Context(), text(in))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if out != "" {
			if err := ss.SendMsg(note(out)); err != nil {
				return err
			}
		}
	}
}

// Call makes a unary call.
func Call(ctx context.Context, conn grpc.ClientConnInterface, name, in string, opts ...grpc.CallOption) (string, error) {
	out := note("")
	if err := conn.Invoke(ctx, Method(name), note(in), out, opts...); err != nil {
		return "", err
	}
	return text(out), nil
}

// Stream opens a stream; Send and Recv work on it. Only Chat takes more than
// one note.
func Stream(ctx context.Context, conn grpc.ClientConnInterface, name string) (grpc.ClientStream, error) {
	return conn.NewStream(ctx, &grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: name == "Chat"}, Method(name))
}

// Send sends one note.
func Send(s grpc.ClientStream, in string) error { return s.SendMsg(note(in)) }

// Recv waits for one note.
func Recv(s grpc.ClientStream) (string, error) {
	out := note("")
	if err := s.RecvMsg(out); err != nil {
		return "", err
	}
	return text(out), nil
}

func note(s string) proto.Message {
	fd, err := load()
	if err != nil {
		return nil // Register has reported it
	}
	md := fd.Messages().Get(0)
	m := dynamicpb.NewMessage(md)
	m.Set(md.Fields().Get(0), protoreflect.ValueOfString(s))
	return m
}

func text(m any) string {
	pm, ok := m.(proto.Message)
	if !ok {
		return ""
	}
	r := pm.ProtoReflect()
	return r.Get(r.Descriptor().Fields().Get(0)).String()
}
