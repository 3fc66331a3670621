package ledger

// RemoteFilesystem returns the name of the filesystem in which dir lies, if it
// is one where flock may reach only this host: NFS, Lustre, SMB, FUSE, virtiofs.
// Else, and where the system does not say, it returns "".
func RemoteFilesystem(dir string) string { return remoteFilesystem(dir) }
