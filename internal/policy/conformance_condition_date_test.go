package policy

import "testing"

// The requests are made at noon on the first of March 2026.
func TestConformanceDate(t *testing.T) {
	const (
		date    = "UG, Condition operators, Date: ISO 8601"
		forms   = "UG, Condition operators, Date: the forms of the W3C's profile"
		epoch   = "UG, Condition operators, Date: seconds since 1970"
		negated = "UG, Condition operators, Date: DateNotEquals is negated"
		absent  = "UG, Condition operators: an absent key"
		text    = "UG, Condition operators, Date: values from the context"
	)
	now := func(op, value string) string { return `{"` + op + `":{"aws:CurrentTime":` + value + `}}` }
	claim := func(op, value string) string { return `{"` + op + `":{"sts:ExternalId":` + value + `}}` }
	checkConditions(t, []conditionCase{
		{date, now("DateLessThan", `"2026-03-01T12:00:01Z"`), nil, true},
		{date, now("DateLessThan", `"2026-03-01T12:00:00Z"`), nil, false},
		{date, now("DateLessThanEquals", `"2026-03-01T12:00:00Z"`), nil, true},
		{date, now("DateLessThanEquals", `"2026-03-01T11:59:59Z"`), nil, false},
		{date, now("DateGreaterThan", `"2026-03-01T11:59:59Z"`), nil, true},
		{date, now("DateGreaterThan", `"2026-03-01T12:00:00Z"`), nil, false},
		{date, now("DateGreaterThanEquals", `"2026-03-01T12:00:00Z"`), nil, true},
		{date, now("DateEquals", `"2026-03-01T12:00:00Z"`), nil, true},
		{date, now("DateEquals", `"2026-03-01T12:00:01Z"`), nil, false},
		{date, `{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}`, nil, true},
		{forms, now("DateEquals", `"2026-03-01T13:00:00+01:00"`), nil, true},
		{forms, now("DateEquals", `"2026-03-01T12:00Z"`), nil, true},
		{forms, now("DateEquals", `"2026-03-01T12:00:00.000Z"`), nil, true},
		{forms, now("DateGreaterThan", `"2026-03-01"`), nil, true},
		{forms, now("DateGreaterThan", `"2026-03-02"`), nil, false},
		{forms, now("DateGreaterThan", `"2026-03"`), nil, true},
		{forms, now("DateLessThan", `"2026-04"`), nil, true},
		{forms, now("DateGreaterThan", `"2026"`), nil, true},
		{forms, now("DateLessThan", `2027`), nil, true},
		{epoch, now("DateEquals", `"1772366400"`), nil, true},
		{epoch, now("DateLessThan", `1772366401`), nil, true},
		{epoch, `{"DateEquals":{"aws:EpochTime":"2026-03-01T12:00:00Z"}}`, nil, true},
		{epoch, `{"DateEquals":{"aws:EpochTime":"1772366400"}}`, nil, true},
		{negated, now("DateNotEquals", `"2026-03-01T12:00:00Z"`), nil, false},
		{negated, now("DateNotEquals", `["2026-03-01T11:00:00Z","2026-03-01T12:00:00Z"]`), nil, false},
		{negated, now("DateNotEquals", `"2026-03-01T12:00:01Z"`), nil, true},
		{absent, `{"DateLessThan":{"aws:TokenIssueTime":"2030-01-01T00:00:00Z"}}`, nil, false},
		{absent, `{"DateLessThanIfExists":{"aws:TokenIssueTime":"2030-01-01T00:00:00Z"}}`, nil, true},
		{absent, `{"DateNotEquals":{"aws:TokenIssueTime":"2030-01-01T00:00:00Z"}}`, nil, true},
		{text, claim("DateLessThan", `"2026-03-02"`), []string{"sts:ExternalId=2026-03-01T00:00:00Z"}, true},
		{text, claim("DateLessThan", `"2026-03-02"`), []string{"sts:ExternalId=1772366400"}, true},
		{text, claim("DateLessThan", `"2026-03-02"`), []string{"sts:ExternalId=yesterday"}, false},
		{text, claim("DateNotEquals", `"2026-03-02"`), []string{"sts:ExternalId=yesterday"}, true},
		{"UG, Global keys, aws:CurrentTime: as text it is ISO 8601", `{"StringLike":{"aws:CurrentTime":"2026-03-01T12:00:00Z"}}`, nil, true},
	})
}
