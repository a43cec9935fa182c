// Package redis hands the feature flags of a server to others through Redis.
//
// The server publishes an edition of each environment: a document under its number,
// which a script advances only upwards, and says so on a channel. Others follow:
// they take an edition when it is told of, and look at the numbers now and then, for
// messages may be lost. Redis is a place to hand over, not a store: what it loses is
// published again, and what is damaged there is passed over.
package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/davit-dev/davit"
)

// Prefix begins the names of all that is kept in Redis when nothing else is said.
const Prefix = "davit:flags:"

// How long Redis may take for an answer, and for a whole document on a slow line.
const (
	answerTimeout   = 2 * time.Second
	documentTimeout = 30 * time.Second
)

// Redis is a place to hand flags over.
type Redis struct {
	client *redis.Client
	// listener is for subscriptions, which wait as long as nothing is said: only how
	// they begin is bounded by the time for an answer, and no context ends that.
	listener *redis.Client
	prefix   string
}

// Open returns the Redis at an address, redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]
// or rediss:// for TLS, with names that begin with a prefix. It does not connect
// yet. No error repeats the address, which may hold a password.
func Open(address, prefix string) (*Redis, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "the address of Redis is none",
			Hint: "write redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS, with special characters of the password as %XX",
		}
	}
	logging.Disable() // what goes wrong is returned
	options.MaxRetries = -1
	options.DialTimeout, options.WriteTimeout = answerTimeout, documentTimeout
	options.ReadTimeout = documentTimeout
	options.ContextTimeoutEnabled = true
	listening := *options
	listening.ReadTimeout, listening.WriteTimeout, listening.DialerRetries = answerTimeout, answerTimeout, 1
	return &Redis{client: redis.NewClient(options), listener: redis.NewClient(&listening), prefix: prefix}, nil
}

// Close closes the connections.
func (r *Redis) Close() error { return errors.Join(r.client.Close(), r.listener.Close()) }

// The names in Redis: a hash of numbers by place, a document for each place, the
// channel that tells of new ones, and a hash that tells who publishes.
func (r *Redis) numbers() string         { return r.prefix + "numbers" }
func (r *Redis) publisher() string       { return r.prefix + "publisher" }
func (r *Redis) channel() string         { return r.prefix + "changes" }
func (r *Redis) document(p place) string { return r.prefix + "edition:" + p.String() }

// place is an environment of an application.
type place struct{ application, environment string }

// String returns the place as it is named in Redis. Neither name has a slash.
func (p place) String() string { return p.application + "/" + p.environment }

// unavailable says that Redis did not do what was asked.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &davit.Error{Code: davit.CodeUnavailable, Message: "Redis does not do what it is asked", Err: err}
}
