package ledger

import (
	"strings"

	"golang.org/x/sys/unix"
)

func remoteFilesystem(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return ""
	}
	switch name := unix.ByteSliceToString(st.Fstypename[:]); {
	case name == "nfs":
		return "NFS"
	case name == "smbfs":
		return "SMB"
	case strings.Contains(name, "fuse"), name == "virtiofs", name == "lustre":
		return name
	}
	return ""
}
