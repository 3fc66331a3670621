package ledger

// MaxObjects is how many state objects a snapshot may name.
const MaxObjects = 64

// An Object is a file of a learner's state, named by the SHA-256 of its bytes
// as they lie in the ledger's state folder.
type Object struct {
	SHA256 string `json:"sha256"`         // of the file, lower-case hex
	Name   string `json:"name"`           // what the learner calls it
	Bytes  int64  `json:"bytes"`          // length of the file
	Size   int64  `json:"size"`           // length of the content
	Zstd   bool   `json:"zstd,omitempty"` // whether the file is the content compressed
}
