package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"ckptledger/cmd/internal/cmdline"
)

// signals are those that ask a training to end, or to say where it stands.
type signals struct {
	stop chan struct{} // closed at the first that asks to end
	quit chan struct{}
	end  chan os.Signal
	ask  chan os.Signal
	w    io.Writer          // where to say so
	ui   atomic.Pointer[ui] // likewise, once there is one
}

// catchSignals is called before an attempt is recorded: from then on a signal
// must end it in the record too. The context that it returns ends with the first
// signal, for what waits before there is a training to stop. The second signal
// leaves at once. One that was ignored when the program started stays so: under
// nohup a terminal that closes is no reason to end.
func catchSignals(ctx context.Context, w io.Writer) (*signals, context.Context) {
	s := &signals{stop: make(chan struct{}), quit: make(chan struct{}), end: make(chan os.Signal, 2), ask: make(chan os.Signal, 1), w: w}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(s.end, sig)
		}
	}
	signal.Notify(s.ask, syscall.SIGUSR1)
	ctx, cancel := context.WithCancel(ctx)
	go s.wait(cancel)
	return s, ctx
}

func (s *signals) wait(cancel context.CancelFunc) {
	defer cancel()
	for first := true; ; {
		select {
		case <-s.quit:
			return
		case <-s.ask:
			if ui := s.ui.Load(); ui != nil {
				ui.request()
			}
		case sig := <-s.end:
			if !first {
				os.Exit(int(cmdline.Failed))
			}
			first = false
			cancel()
			close(s.stop)
			if ui := s.ui.Load(); ui != nil {
				ui.line(fmt.Sprintf("%s: finishing this sample and saving; once more leaves at once, unsaved", signalName(sig)))
			} else {
				fmt.Fprintf(s.w, "%s\n", signalName(sig))
			}
		}
	}
}

// stopped reports whether a signal asked to end.
func (s *signals) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// release gives the signals back to the system.
func (s *signals) release() {
	signal.Stop(s.end)
	signal.Stop(s.ask)
	close(s.quit)
}

func signalName(s os.Signal) string {
	switch s {
	case os.Interrupt:
		return "Interrupt"
	case syscall.SIGHUP:
		return "Terminal closed"
	}
	return "Terminated"
}
