package redis

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed used.lua
var usedSource string

// Use is when a flag or an access key was last used on an edge server.
type Use struct {
	Application, Environment string
	Key                      bool   // Name is an access key's ID, and not a flag's key
	Name                     string // as the server that is told notes it
	At                       time.Time
}

// usesKept is how long Redis keeps what was used on a day: a server that is away for
// less misses nothing.
const usesKept = 8 * 24 * time.Hour

// usesAtOnce bounds what one command tells.
const usesAtOnce = 1000

// used is the name of the hash of a day. Its fields are uses, and hold minutes.
func (r *Redis) used(day time.Time) string {
	return r.prefix + "used:" + day.UTC().Format(time.DateOnly)
}

// Report tells what was used, to the minute. What is known to be used later stays so.
func (r *Redis) Report(ctx context.Context, uses []Use) error {
	script := redis.NewScript(usedSource)
	days := map[string][]any{}
	for _, u := range uses {
		kind := "flag"
		if u.Key {
			kind = "key"
		}
		name := r.used(u.At)
		days[name] = append(days[name], kind+"/"+u.Application+"/"+u.Environment+"/"+u.Name, u.At.Unix()/60)
	}
	for name, fields := range days {
		for len(fields) > 0 {
			n := min(len(fields), 2*usesAtOnce)
			limited, cancel := context.WithTimeout(ctx, answerTimeout)
			err := script.Run(limited, r.client, []string{name}, append([]any{int64(usesKept / time.Second)}, fields[:n]...)...).Err()
			cancel()
			if err != nil {
				return unavailable(err)
			}
			fields = fields[n:]
		}
	}
	return nil
}

// Uses returns what was used on the days from one until another, as far as Redis has
// it. What makes no sense there is passed over.
func (r *Redis) Uses(ctx context.Context, from, until time.Time) ([]Use, error) {
	if oldest := until.Add(-usesKept); from.Before(oldest) {
		from = oldest
	}
	var uses []Use
	for day := from.UTC().Truncate(24 * time.Hour); !day.After(until); day = day.Add(24 * time.Hour) {
		limited, cancel := context.WithTimeout(ctx, documentTimeout)
		fields, err := r.client.HGetAll(limited, r.used(day)).Result()
		cancel()
		if err != nil {
			return nil, unavailable(fmt.Errorf("reading what was used: %w", err))
		}
		for field, text := range fields {
			if u, ok := parseUse(field, text, until); ok {
				uses = append(uses, u)
			}
		}
	}
	return uses, nil
}

// parseUse reads a field of the hash of a day. Nothing was used in the future.
func parseUse(field, text string, now time.Time) (u Use, ok bool) {
	parts := strings.SplitN(field, "/", 4)
	minute, err := strconv.ParseInt(text, 10, 64)
	if err != nil || len(parts) != 4 || parts[0] != "flag" && parts[0] != "key" || minute < 1 {
		return u, false
	}
	u = Use{Application: parts[1], Environment: parts[2], Key: parts[0] == "key", Name: parts[3], At: time.Unix(minute*60, 0).UTC()}
	if u.At.After(now) {
		u.At = now
	}
	return u, minute <= now.Unix()/60+24*60
}
