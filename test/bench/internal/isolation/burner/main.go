//go:build linux

// Command burner is a customer's program that uses up all that it gets of one
// thing, when it is told to:
//
//	POST /begin?what=cpu    answers when it has used up what there is
//	POST /end               answers when it has stopped
package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "burner:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "", "the `address` of the control")
	dir := flag.String("dir", "", "the `folder` of the disk that is used up")
	most := flag.Int64("most", 1<<30, "how many `bytes` of memory at the most, where nothing limits it")
	flag.Parse()
	switch flag.Arg(0) { // its own child
	case "fill":
		return fill(*most)
	case "spawn":
		return spawn()
	}
	haveThreads(32)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &burner{burns: map[string]func(stop <-chan struct{}, begun func()){
		"cpu": cpu,
		"memory": func(stop <-chan struct{}, begun func()) {
			again(self, []string{"-most", strconv.FormatInt(*most, 10), "fill"}, stop, begun)
		},
		"processes": func(stop <-chan struct{}, begun func()) { again(self, []string{"spawn"}, stop, begun) },
		"disk":      func(stop <-chan struct{}, begun func()) { disk(*dir, stop, begun) },
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /begin", b.begin)
	mux.HandleFunc("POST /end", b.end)
	server := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() { // ends with the program
		<-ended
		b.stop()
		_ = server.Close() // nobody is answered any more
	}()
	slog.Info("burner waits", "listen", *listen)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
