package stream

import (
	"fmt"
	"time"
)

// A fileID tells one state of a file from another without reading it.
type fileID struct {
	size         int64
	mtime, ctime int64  // nanoseconds; ctime is 0 where the platform has none
	inode, dev   uint64 // 0 where the platform has none
}

// same reports whether the file is the one it was. A change of ctime alone is
// one of its name, mode or links.
func (id fileID) same(was fileID) bool {
	id.ctime, was.ctime = 0, 0
	return id == was
}

// racy reports whether the file was touched so shortly before now that writing
// to it again might leave its times as they are.
func (id fileID) racy(now time.Time) bool {
	const resolution = 2 * time.Second // of mtime on the coarsest file system in use
	return max(id.mtime, id.ctime) > now.Add(-resolution).UnixNano()
}

func (id fileID) String() string {
	return fmt.Sprintf("%d bytes of %s, inode %d", id.size,
		time.Unix(0, id.mtime).UTC().Format(time.RFC3339Nano), id.inode)
}
