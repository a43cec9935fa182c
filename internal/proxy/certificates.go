package proxy

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// pair names the PEM files of a certificate and its key.
type pair struct{ cert, key string }

// certificates are those of one listener. They are read again when their files
// change, which a handshake notices.
type certificates struct{ loaded []*certificate }

type certificate struct {
	pair pair
	log  *slog.Logger

	mu      sync.Mutex
	checked time.Time
	stamp   stamp
	current *tls.Certificate
}

// stamp tells one content of the files from another.
type stamp struct {
	certTime, keyTime time.Time
	certSize, keySize int64
}

// checkEvery bounds how often files are looked at.
const checkEvery = time.Second

func loadCertificates(pairs []pair, log *slog.Logger) (*certificates, error) {
	all := &certificates{}
	for _, p := range pairs {
		c := &certificate{pair: p, log: log}
		if err := c.load(); err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("certificate %s with key %s cannot be used", p.cert, p.key),
				Hint: "give the PEM files of a certificate and of the key that belongs to it", Err: err}
		}
		all.loaded = append(all.loaded, c)
	}
	return all, nil
}

// get returns the certificate for the name that the client asks for, the first
// one when none fits.
func (a *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	first := a.loaded[0].get()
	if len(a.loaded) == 1 || hello.SupportsCertificate(first) == nil {
		return first, nil
	}
	for _, c := range a.loaded[1:] {
		if certificate := c.get(); hello.SupportsCertificate(certificate) == nil {
			return certificate, nil
		}
	}
	return first, nil
}

// get returns the certificate as its files are now. While they cannot be used,
// such as half way through being replaced, the last good one stays.
func (c *certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= checkEvery {
		c.checked = now
		if c.stamp != c.look() {
			if err := c.load(); err != nil {
				c.log.Warn("a changed certificate cannot be used; the last good one stays", "cert", c.pair.cert, "error", err)
			}
		}
	}
	return c.current
}

func (c *certificate) look() stamp {
	var s stamp
	if info, err := os.Stat(c.pair.cert); err == nil {
		s.certTime, s.certSize = info.ModTime(), info.Size()
	}
	if info, err := os.Stat(c.pair.key); err == nil {
		s.keyTime, s.keySize = info.ModTime(), info.Size()
	}
	return s
}

// load reads the files. What cannot be used is looked at again only when the
// files change once more.
func (c *certificate) load() error {
	c.stamp = c.look()
	loaded, err := tls.LoadX509KeyPair(c.pair.cert, c.pair.key)
	if err != nil {
		return err
	}
	c.current = &loaded
	return nil
}
