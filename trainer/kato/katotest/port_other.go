//go:build !linux && !darwin

package katotest

import (
	"io"
	"net"
)

// hold finds a free port of the loopback. Here nothing keeps it while the server is
// stopped.
func hold() (io.Closer, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	return io.NopCloser(nil), l.Addr().String(), l.Close()
}

var reuse net.ListenConfig
