package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/davit-dev/davit"
)

// mark holds, in a file of its own, how many commits were acknowledged. It is
// written after every commit and synced only when a store is opened and closed:
// it need not survive a power failure, only never run ahead of the store.
type mark struct{ file *os.File }

// markWidth is the length of the file: it is overwritten in one piece.
const markWidth = 20

// keepMark opens or creates the mark of a store that holds commits.
func keepMark(path string, commits int64) (*mark, error) {
	file, err := os.OpenFile(path+".mark", os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's path
	if err != nil {
		return nil, explain(err, path, "opening its mark")
	}
	m := &mark{file}
	if err := errors.Join(m.raise(commits), file.Sync()); err != nil {
		return nil, explain(errors.Join(err, file.Close()), path, "writing its mark")
	}
	return m, nil
}

// raise records that commits are acknowledged.
func (m *mark) raise(commits int64) error {
	_, err := m.file.WriteAt(fmt.Appendf(nil, "%*d\n", markWidth-1, commits), 0)
	return err
}

// Close syncs the mark and closes it.
func (m *mark) Close() error {
	if m == nil {
		return nil
	}
	return errors.Join(m.file.Sync(), m.file.Close())
}

// acknowledged returns how many commits the mark says there must be at least;
// -1 when there is no mark.
func acknowledged(path string) (int64, error) {
	content, err := os.ReadFile(path + ".mark") //nolint:gosec // the operator's path
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, explain(err, path, "reading its mark")
	}
	commits, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil || len(content) != markWidth || commits < 0 {
		return 0, &davit.Error{Code: davit.CodeRefused,
			Message: "the file " + path + ".mark is damaged, so it cannot be told whether the store has lost anything; nothing was changed",
			Hint:    "restore both from a backup, or remove the mark to go on with the store as it is"}
	}
	return commits, nil
}
