package main

import (
	"fmt"
	"os"
	"sync"
)

// remembered is how many keys each half of a ledger's memory holds.
const remembered = 50_000

// ledger keeps orders, one key a line, in a file that all instances of all
// releases append to. Whoever reads it can count orders that were confirmed
// and are missing, and orders that were taken twice.
type ledger struct {
	mu   sync.Mutex
	file *os.File // nil: in memory alone
	// The keys entered lately, in two halves, so that memory is bounded.
	recent, older map[string]struct{}
}

// openLedger opens the file at path, or a ledger in memory for "".
func openLedger(path string) (*ledger, error) {
	l := &ledger{recent: map[string]struct{}{}}
	if path == "" {
		return l, nil
	}
	var err error
	l.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own variable
	if err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	return l, nil
}

// enter keeps an order. One that this instance took already is not taken again.
func (l *ledger) enter(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.recent[key]; known {
		return nil
	}
	if _, known := l.older[key]; known {
		return nil
	}
	if l.file != nil {
		// One write of one short line with O_APPEND is whole, also beside
		// those of other instances.
		if _, err := l.file.WriteString(key + "\n"); err != nil {
			return fmt.Errorf("writing the ledger: %w", err)
		}
	}
	if len(l.recent) >= remembered {
		l.recent, l.older = map[string]struct{}{}, l.recent
	}
	l.recent[key] = struct{}{}
	return nil
}

// well returns why orders cannot be kept, nil when they can.
func (l *ledger) well() error {
	if l.file == nil {
		return nil
	}
	if _, err := l.file.Stat(); err != nil {
		return fmt.Errorf("looking at the ledger: %w", err)
	}
	return nil
}

func (l *ledger) close() {
	if l.file != nil {
		_ = l.file.Close() // every write was checked
	}
}
