package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/flag/step"
)

// judgeFlag switches the flags of a gate. While flags cannot be stored it tries again.
func judgeFlag(book step.Book) engine.Judge {
	return func(ctx context.Context, g davit.Gate, s engine.Subject, report func(davit.Outcome, string, any)) {
		var p davit.FlagParams
		if err := json.Unmarshal(g.Params, &p); err != nil {
			report(davit.Fail, "its parameters cannot be read: "+err.Error(), nil)
			return
		}
		r, ok := recorded(ctx, s, report)
		if !ok {
			return
		}
		again := time.NewTicker(time.Second)
		defer again.Stop()
		for {
			all, err := step.Do(ctx, book, r, p)
			if err == nil {
				report(davit.Pass, told(all), all)
				return
			}
			if slices.Contains([]davit.Code{davit.CodeInvalid, davit.CodeNotFound, davit.CodeRefused}, davit.ErrorCode(err)) {
				report(davit.Fail, err.Error(), all)
				return
			}
			report(davit.Inconclusive, err.Error(), nil)
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// told says what came of flags: "checkout-v2 switched in revision 7".
func told(all []step.Done) string {
	says := make([]string, len(all))
	for i, d := range all {
		says[i] = d.Flag + " " + d.Said
	}
	return strings.Join(says, ", ")
}
