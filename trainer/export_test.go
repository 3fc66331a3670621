package trainer

// MaxQueued is how many captured states wait before training waits.
const MaxQueued = maxQueued
