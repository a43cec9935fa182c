package api

import "github.com/davit-dev/davit"

// SegmentList is the segments of an application.
type SegmentList struct {
	Segments []davit.SegmentRecord `json:"segments"`
	Next     string                `json:"next,omitempty" doc:"the next page's after; left out on the last page"`
}

// SegmentHistory is the records of a segment, newest first.
type SegmentHistory struct {
	Records []davit.SegmentRecord `json:"records"`
}
