//go:build linux || darwin

package katotest

import (
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A port is a socket that is bound and does not listen. While it is there the
// system gives its port to nobody else, not even to a client for its own end of a
// connection, and who dials it is refused.
type port int

func (p port) Close() error { return unix.Close(int(p)) }

// hold takes a free port of the loopback and returns its address.
func hold() (io.Closer, string, error) {
	// No process may be started between the two: it would inherit the socket.
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, "", err
	}
	p := port(fd)
	if err := share(fd); err != nil {
		p.Close()
		return nil, "", err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		p.Close()
		return nil, "", err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		p.Close()
		return nil, "", err
	}
	return p, fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port), nil
}

// share lets others of this user bind to the socket's port too.
func share(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

// reuse are the settings of a listener on a held port.
var reuse = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
	var err error
	if failed := c.Control(func(fd uintptr) { err = share(int(fd)) }); failed != nil {
		return failed
	}
	return err
}}
