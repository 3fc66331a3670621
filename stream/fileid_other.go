//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package stream

import "os"

func identify(f *os.File) (fileID, error) {
	info, err := f.Stat()
	if err != nil {
		return fileID{}, err
	}
	return fileID{size: info.Size(), mtime: info.ModTime().UnixNano()}, nil
}
