package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger gives a logger that writes one JSON object per line to w, with
// trace_id and span_id whenever the context holds a span. A nil level is info.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(WithTrace(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable})))
}

// readable gives durations their unit and enumerations their names, which JSON
// would have as bare numbers.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value; v.Kind() {
	case slog.KindDuration:
		a.Value = slog.StringValue(v.Duration().Round(time.Microsecond).String())
	case slog.KindAny:
		named, ok := v.Any().(fmt.Stringer)
		if ok && reflect.TypeOf(named).ConvertibleTo(reflect.TypeFor[int64]()) {
			a.Value = slog.StringValue(named.String())
		}
	}
	return a
}

// WithTrace makes any handler add trace_id and span_id, at the top level of
// the line even where the logger has groups.
func WithTrace(h slog.Handler) slog.Handler { return traceHandler{top: h, full: h} }

type traceHandler struct {
	top  slog.Handler // before the first group
	full slog.Handler
	// since rebuilds full from top: what came with and after the first group.
	since []func(slog.Handler) slog.Handler
}

func (h traceHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.full.Enabled(ctx, level)
}

func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return h.full.Handle(ctx, r)
	}
	with := h.top.WithAttrs([]slog.Attr{slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String())})
	for _, step := range h.since {
		with = step(with)
	}
	return with.Handle(ctx, r)
}

func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.since) == 0 {
		return WithTrace(h.top.WithAttrs(attrs))
	}
	return h.then(func(in slog.Handler) slog.Handler { return in.WithAttrs(attrs) })
}

func (h traceHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.then(func(in slog.Handler) slog.Handler { return in.WithGroup(name) })
}

func (h traceHandler) then(step func(slog.Handler) slog.Handler) slog.Handler {
	return traceHandler{top: h.top, full: step(h.full), since: append(slices.Clip(h.since), step)}
}
