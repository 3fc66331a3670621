package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
)

// describeConfig says in a few words what a config is: "local, gpt2, chunk sizes
// 8,8,8,8, sequential", where it is shuffled "order shuffle, seed 7, window 100", and
// of a learner with a server where that is and how exact it is.
func describeConfig(c ledger.Config, endpoint string) string {
	parts := []string{describeLearner(c, endpoint), fmt.Sprint(c["tokenizer"]), "chunk sizes " + joinSizes(c["chunk_sizes"]), fmt.Sprint(c["method"])}
	if c["order"] == shuffle {
		for _, k := range orderFields {
			parts = append(parts, k+" "+records.Setting(c[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c)) {
		if !slices.Contains(builtin, k) {
			parts = append(parts, k+"="+configValue(c[k]))
		}
	}
	if exact := records.Exactness(c); exact != "" {
		parts = append(parts, exact)
	}
	return human.Printable(strings.Join(parts, ", "))
}

// describeEntry says which run it is and where it stands.
func describeEntry(e ledger.Entry, now time.Time) string {
	id := records.Title(&e.Run)
	if e.Head.Seq == 0 {
		return id + ", no snapshot, begun " + human.Ago(now, e.Created)
	}
	return fmt.Sprintf("%s, snapshot %d, %s, %s", id, e.Head.Seq, records.Samples(e.Head.Samples()), human.Ago(now, e.Head.Time))
}

// gitCommit is the commit of the folder somebody trains in, with a + where files
// were changed since; empty where there is no git or no repository.
func gitCommit(folder string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-c", "core.fsmonitor=", "-C", folder}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no"); err == nil && changed != "" {
		commit += "+"
	}
	return commit
}
