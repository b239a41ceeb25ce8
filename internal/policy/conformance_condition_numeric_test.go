package policy

import "testing"

func TestConformanceNumeric(t *testing.T) {
	const (
		numeric = "UG, Condition operators, Numeric: whole and decimal numbers"
		negated = "UG, Condition operators, Numeric: NumericNotEquals is negated"
		absent  = "UG, Condition operators: an absent key"
		form    = "UG, Condition operators, Numeric: what is no number matches nothing"
		or      = "UG, Multiple values: values of one key are OR"
	)
	const k = "sts:DurationSeconds="
	n := func(op, value string) string { return `{"` + op + `":{"sts:DurationSeconds":` + value + `}}` }
	checkConditions(t, []conditionCase{
		{numeric, n("NumericEquals", `"900"`), []string{k + "900"}, true},
		{numeric, n("NumericEquals", `900`), []string{k + "900"}, true},
		{numeric, n("NumericEquals", `"900.0"`), []string{k + "900"}, true},
		{numeric, n("NumericEquals", `"900"`), []string{k + "0900"}, true},
		{numeric, n("NumericEquals", `"900"`), []string{k + "901"}, false},
		{numeric, n("NumericEquals", `"-1"`), []string{k + "-1"}, true},
		{numeric, n("NumericEquals", `"9007199254740993"`), []string{k + "9007199254740992"}, false},
		{numeric, n("NumericEquals", `1e3`), []string{k + "1000"}, true},
		{numeric, n("NumericLessThan", `"3600"`), []string{k + "3599"}, true},
		{numeric, n("NumericLessThan", `"3600"`), []string{k + "3600"}, false},
		{numeric, n("NumericLessThan", `"10"`), []string{k + "9"}, true},
		{numeric, n("NumericLessThan", `"0.5"`), []string{k + "0.25"}, true},
		{numeric, n("NumericLessThanEquals", `"3600"`), []string{k + "3600"}, true},
		{numeric, n("NumericLessThanEquals", `"3600"`), []string{k + "3601"}, false},
		{numeric, n("NumericGreaterThan", `"3600"`), []string{k + "3601"}, true},
		{numeric, n("NumericGreaterThan", `"3600"`), []string{k + "3600"}, false},
		{numeric, n("NumericGreaterThanEquals", `"3600"`), []string{k + "3600"}, true},
		{numeric, n("NumericGreaterThanEquals", `"3600"`), []string{k + "3599"}, false},
		{numeric, n("NumericGreaterThan", `"9"`), []string{k + "10"}, true},
		{negated, n("NumericNotEquals", `"900"`), []string{k + "900"}, false},
		{negated, n("NumericNotEquals", `"900"`), []string{k + "901"}, true},
		{negated, n("NumericNotEquals", `["900","901"]`), []string{k + "901"}, false},
		{absent, n("NumericEquals", `"900"`), nil, false},
		{absent, n("NumericLessThan", `"900"`), nil, false},
		{absent, n("NumericNotEquals", `"900"`), nil, true},
		{absent, n("NumericLessThanIfExists", `"900"`), nil, true},
		{absent, n("NumericLessThanIfExists", `"900"`), []string{k + "901"}, false},
		{form, n("NumericLessThan", `"900"`), []string{k + "many"}, false},
		{form, n("NumericLessThan", `"900"`), []string{k + ""}, false},
		{form, n("NumericLessThan", `"900"`), []string{k + "0x10"}, false},
		{form, n("NumericLessThan", `"900"`), []string{k + "-Inf"}, false},
		{form, n("NumericGreaterThan", `"900"`), []string{k + "NaN"}, false},
		{form, n("NumericNotEquals", `"900"`), []string{k + "many"}, true},
		{or, n("NumericEquals", `["900",3600]`), []string{k + "3600"}, true},
		{"UG, Global keys, aws:EpochTime: compares as a number", `{"NumericGreaterThan":{"aws:EpochTime":"1772366399"}}`, nil, true},
		{"UG, Global keys, aws:EpochTime: compares as a number", `{"NumericEquals":{"aws:EpochTime":"1772366400"}}`, nil, true},
		{"UG, Global keys, aws:EpochTime: compares as a number", `{"NumericGreaterThan":{"aws:EpochTime":1772366400}}`, nil, false},
		{"UG, Global keys, aws:PrincipalTag: a tag may be a number", `{"NumericGreaterThanEquals":{"aws:PrincipalTag/Level":"7"}}`, nil, true},
	})
}
