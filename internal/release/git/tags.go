package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// OpenAndTags is Open, and Tags in the meantime: opened is called with the
// repository as soon as it is known. A process for the first Log is started too,
// which Close ends when nothing was read.
func OpenAndTags(ctx context.Context, dir string, opened func(*Repo) error) (tags map[string]string, err error) {
	listed := make(chan error, 1)
	go func() {
		found, err := (&Repo{Root: dir}).Tags(ctx)
		tags = found
		listed <- err
	}()
	begun := make(chan *logProcess, 1)
	go func() {
		log, err := (&Repo{Root: dir}).startWaiting(ctx)
		if err != nil {
			log = nil // Log starts another one, and tells what is wrong
		}
		begun <- log
	}()
	repo, err := Open(ctx, dir)
	if err != nil {
		repo = &Repo{}
	}
	repo.waiting = <-begun
	if err == nil {
		err = opened(repo)
	}
	if failed := <-listed; err == nil && failed != nil {
		err = fmt.Errorf("listing the tags: %w", failed)
	}
	if err != nil {
		repo.Close()
	}
	return tags, err
}

// Tags returns the commits of all tags by name. Annotated tags are peeled.
// show-ref does that from packed references alone; for-each-ref would open
// every tag.
func (r *Repo) Tags(ctx context.Context) (map[string]string, error) {
	var tags map[string]string
	err := r.stream(ctx, nil, nil, func(pipe io.Reader) (err error) { // there may be thousands
		tags = parseTags(func(yield func(string) bool) { err = eachLine(pipe, yield) })
		return err
	}, "show-ref", "--tags", "-d")
	if err != nil && ExitCode(err) != 1 { // 1: there is none
		return nil, err
	}
	return tags, nil
}

// eachLine yields the lines of a stream, without their ends. They are parts of
// few strings.
func eachLine(stream io.Reader, yield func(string) bool) error {
	buffer := make([]byte, 128<<10)
	filled := 0
	for {
		n, err := stream.Read(buffer[filled:])
		filled += n
		if end := bytes.LastIndexByte(buffer[:filled], '\n') + 1; end > 0 {
			for line := range strings.SplitSeq(string(buffer[:end-1]), "\n") {
				if !yield(line) {
					return nil
				}
			}
			filled = copy(buffer, buffer[end:filled])
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case filled == len(buffer): // of one line
			return bufio.ErrTooLong
		}
	}
}

// RemoteTags returns the commits of the remote's tags, and the commit of one of
// its branches, "" when it has no such branch.
func (r *Repo) RemoteTags(ctx context.Context, remote, branch string) (tags map[string]string, head string, err error) {
	out, err := r.Run(ctx, "ls-remote", "--", remote, "refs/tags/*", "refs/heads/"+branch)
	if err != nil {
		return nil, "", err
	}
	for line := range strings.Lines(out) {
		if hash, ref, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && ref == "refs/heads/"+branch {
			head = hash
		}
	}
	return parseTags(strings.Lines(strings.ReplaceAll(out, "\t", " "))), head, nil
}

// parseTags reads "hash refs/tags/name" lines; the line of a peeled tag
// follows its own.
func parseTags(lines iter.Seq[string]) map[string]string {
	tags := map[string]string{}
	name, commit := "", "" // of the tag whose peeled line may follow
	for line := range lines {
		hash, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		next, ok := strings.CutPrefix(ref, "refs/tags/")
		if !ok {
			continue
		}
		if next, peeled := strings.CutSuffix(next, "^{}"); peeled && next == name {
			commit = hash
			continue
		}
		if name != "" {
			tags[name] = commit
		}
		name, commit = next, hash
	}
	if name != "" {
		tags[name] = commit
	}
	return tags
}

// Merged returns those of the commits that are ancestors of HEAD, or HEAD
// itself, asked in one process.
func (r *Repo) Merged(ctx context.Context, hashes []string) (map[string]bool, error) {
	merged := make(map[string]bool, len(hashes))
	if len(hashes) == 0 {
		return merged, nil
	}
	for _, h := range hashes {
		merged[h] = true
	}
	out, err := r.RunInput(ctx, []byte(strings.Join(hashes, "\n")+"\n^HEAD\n"), nil, "rev-list", "--ignore-missing", "--stdin")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		delete(merged, strings.TrimSpace(line))
	}
	return merged, nil
}

// TagMessage returns the message of an annotated tag; "" for another tag.
func (r *Repo) TagMessage(ctx context.Context, name string) (string, error) {
	out, err := r.Run(ctx, "for-each-ref", "--format=%(objecttype) %(contents)", "refs/tags/"+name)
	if err != nil {
		return "", err
	}
	message, ok := strings.CutPrefix(out, "tag ")
	if !ok {
		return "", nil
	}
	message, _, _ = strings.Cut(message, "-----BEGIN ") // of a signature
	return strings.TrimRight(message, "\n") + "\n", nil
}

// FetchTags fetches tags by name, and no other reference. force takes those too
// that are elsewhere here.
func (r *Repo) FetchTags(ctx context.Context, remote string, names []string, force bool) error {
	plus := ""
	if force {
		plus = "+"
	}
	var refspecs strings.Builder
	for _, name := range names {
		refspecs.WriteString(plus + "refs/tags/" + name + ":refs/tags/" + name + "\n")
	}
	_, err := r.RunInput(ctx, []byte(refspecs.String()), nil, "fetch", "--quiet", "--no-tags", "--stdin", "--", remote)
	return err
}
