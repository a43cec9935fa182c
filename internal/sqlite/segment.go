package sqlite

import (
	"context"

	"github.com/davit-dev/davit"
)

// Segments lists the newest record of every segment of every application, of
// deleted ones too, by application and key.
func (s *Store) Segments(ctx context.Context) ([]*davit.SegmentRecord, error) {
	list, err := queryDocs[*davit.SegmentRecord](ctx, s.read, `SELECT doc FROM segment_records AS r
		WHERE revision = (SELECT max(revision) FROM segment_records WHERE application = r.application AND key = r.key)
		ORDER BY application, key`)
	return list, s.readError(err)
}

// SegmentRecords lists the records of a segment, newest first, limit at most.
func (s *Store) SegmentRecords(ctx context.Context, application, key string, limit int) ([]*davit.SegmentRecord, error) {
	list, err := queryDocs[*davit.SegmentRecord](ctx, s.read,
		"SELECT doc FROM segment_records WHERE application = ? AND key = ? ORDER BY revision DESC LIMIT ?", application, key, max(limit, 0))
	return list, s.readError(err)
}

// segment writes a record of a segment, unless it does not follow the stored one.
func (w *writer) segment(ctx context.Context, r *davit.SegmentRecord, entry int64) error {
	doc, err := document(r)
	if err != nil {
		return err
	}
	return w.follow(ctx, `INSERT INTO segment_records (sequence, doc, entry) SELECT ?, ?, ?
		WHERE ? = 1 + (SELECT coalesce(max(revision), 0) FROM segment_records WHERE application = ? AND key = ?)`,
		r.Sequence, doc, entry, r.Revision, r.Application, r.Segment.Key)
}
