//go:build linux || darwin || freebsd || netbsd || openbsd

package stream

import (
	"os"

	"golang.org/x/sys/unix"
)

func identify(f *os.File) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fileID{}, err
	}
	return fileID{
		size:  st.Size,
		mtime: st.Mtim.Nano(),
		ctime: st.Ctim.Nano(),
		inode: st.Ino,
		dev:   uint64(st.Dev),
	}, nil
}
