package store

import (
	"slices"
	"testing"
	"time"
)

// TestSegmentsGrow: a segment takes its share of records and no more, and neither a clock that stands still nor one that
// was set back makes numbers that were used before.
func TestSegmentsGrow(t *testing.T) {
	now := time.UnixMilli(1000)
	s := segments{now: func() time.Time { return now }}
	var used []int64
	for range 4 {
		rows := make([]*auditRow, segmentRows)
		for i := range rows {
			rows[i] = &auditRow{}
		}
		s.number(rows[:segmentRows/2]...)
		s.number(rows[segmentRows/2:]...)
		for _, r := range rows {
			if r.segment != rows[0].segment {
				t.Fatalf("records of one segment are in %d and %d", rows[0].segment, r.segment)
			}
		}
		used = append(used, rows[0].segment)
		now = now.Add(-time.Millisecond)
	}
	if !slices.Equal(used, []int64{1000, 1001, 1002, 1003}) {
		t.Errorf("segments %v", used)
	}
	now = time.UnixMilli(5000)
	row := &auditRow{}
	if s.number(row); row.segment != 5000 {
		t.Errorf("segment %d after a pause", row.segment)
	}
}
