package trainer

// MaxQueued is how many captured states wait before training waits.
const MaxQueued = maxQueued

// MarkEvery is how long there is at least between two marks.
var MarkEvery = &markEvery
