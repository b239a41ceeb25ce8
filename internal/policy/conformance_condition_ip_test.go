package policy

import "testing"

func TestConformanceIP(t *testing.T) {
	const (
		cidr    = "UG, Condition operators, IP address: CIDR ranges and single addresses"
		v6      = "UG, Condition operators, IP address: IPv6"
		mapped  = "RFC 4291, 2.5.5.2: an IPv4 address in IPv6 form is that IPv4 address"
		negated = "UG, Condition operators, IP address: NotIpAddress is negated"
		absent  = "UG, Condition operators: an absent key"
		form    = "UG, Condition operators, IP address: what is no address matches nothing"
	)
	in := func(op, value string) string { return `{"` + op + `":{"sts:ExternalId":` + value + `}}` }
	const k = "sts:ExternalId="
	checkConditions(t, []conditionCase{
		{"UG, Global keys, aws:SourceIp", `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, nil, true},
		{"UG, Global keys, aws:SourceIp", `{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, nil, false},
		{"UG, Global keys, aws:SourceIp", `{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.7"]}}`, nil, true},
		{"UG, Global keys, aws:SourceIp", `{"StringEquals":{"aws:SourceIp":"203.0.113.7"}}`, nil, true},
		{cidr, in("IpAddress", `"203.0.113.0/24"`), []string{k + "203.0.113.255"}, true},
		{cidr, in("IpAddress", `"203.0.113.0/24"`), []string{k + "203.0.114.0"}, false},
		{cidr, in("IpAddress", `"203.0.113.9"`), []string{k + "203.0.113.9"}, true},
		{cidr, in("IpAddress", `"203.0.113.9"`), []string{k + "203.0.113.10"}, false},
		{cidr, in("IpAddress", `"203.0.113.9/32"`), []string{k + "203.0.113.9"}, true},
		{cidr, in("IpAddress", `"0.0.0.0/0"`), []string{k + "198.51.100.1"}, true},
		{cidr, in("IpAddress", `"203.0.113.77/24"`), []string{k + "203.0.113.1"}, true},
		{v6, in("IpAddress", `"2001:db8::/32"`), []string{k + "2001:db8:1::5"}, true},
		{v6, in("IpAddress", `"2001:db8::/32"`), []string{k + "2001:db9::5"}, false},
		{v6, in("IpAddress", `"2001:DB8:0:0:0:0:0:1"`), []string{k + "2001:db8::1"}, true},
		{v6, in("IpAddress", `"::/0"`), []string{k + "2001:db8::1"}, true},
		{v6, in("IpAddress", `"::/0"`), []string{k + "203.0.113.1"}, false},
		{v6, in("IpAddress", `"0.0.0.0/0"`), []string{k + "2001:db8::1"}, false},
		{v6, in("IpAddress", `"fe80::/10"`), []string{k + "fe80::1%eth0"}, true},
		{mapped, in("IpAddress", `"203.0.113.0/24"`), []string{k + "::ffff:203.0.113.7"}, true},
		{mapped, in("IpAddress", `"::ffff:203.0.113.0/120"`), []string{k + "203.0.113.7"}, true},
		{mapped, in("IpAddress", `"::ffff:203.0.113.7"`), []string{k + "203.0.113.7"}, true},
		{mapped, in("NotIpAddress", `"203.0.113.0/24"`), []string{k + "::ffff:cb00:7107"}, false},
		{negated, in("NotIpAddress", `"203.0.113.0/24"`), []string{k + "198.51.100.1"}, true},
		{negated, in("NotIpAddress", `["203.0.113.0/24","198.51.100.0/24"]`), []string{k + "198.51.100.1"}, false},
		{absent, in("IpAddress", `"0.0.0.0/0"`), nil, false},
		{absent, in("NotIpAddress", `"0.0.0.0/0"`), nil, true},
		{absent, in("IpAddressIfExists", `"10.0.0.0/8"`), nil, true},
		{absent, `{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}}`, nil, false},
		{form, in("IpAddress", `"0.0.0.0/0"`), []string{k + "203.0.113.7:443"}, false},
		{form, in("IpAddress", `"0.0.0.0/0"`), []string{k + "203.0.113.007"}, false},
		{form, in("NotIpAddress", `"0.0.0.0/0"`), []string{k + "localhost"}, true},
	})
}

func TestConformanceARN(t *testing.T) {
	const (
		parts   = "UG, Condition operators, ARN: each of the six parts is matched on its own"
		same    = "UG, Condition operators, ARN: ArnEquals and ArnLike are the same"
		negated = "UG, Condition operators, ARN: ArnNotEquals and ArnNotLike are negated"
		absent  = "UG, Condition operators: an absent key"
		form    = "UG, Condition operators, ARN: what is no ARN matches nothing"
	)
	arn := func(op, value string) string { return `{"` + op + `":{"iam:PolicyARN":` + value + `}}` }
	const k = "iam:PolicyARN="
	const p = k + "arn:aws:iam::000000000000:policy/team/a:b"
	checkConditions(t, []conditionCase{
		{same, arn("ArnEquals", `"arn:aws:iam::000000000000:policy/team/a:b"`), []string{p}, true},
		{same, arn("ArnEquals", `"arn:aws:iam::*:policy/team/*"`), []string{p}, true},
		{same, arn("ArnLike", `"arn:aws:iam::*:policy/team/*"`), []string{p}, true},
		{same, arn("ArnLike", `"arn:aws:iam::*:policy/Team/*"`), []string{p}, false},
		{parts, arn("ArnLike", `"arn:aws:iam:*:*:*"`), []string{p}, true},
		{parts, arn("ArnLike", `"arn:*:*:*:*:*"`), []string{p}, true},
		{parts, arn("ArnLike", `"arn:aws:iam::*:policy/team/a"`), []string{p}, false},
		{parts, arn("ArnLike", `"arn:aws:iam::000000000000:*b"`), []string{p}, true},
		{parts, arn("ArnLike", `"arn:aws:iam:*:policy/team/a:b"`), []string{p}, false},
		{parts, arn("ArnLike", `"arn:aws:i*:*:0000?0000000:policy/*"`), []string{p}, true},
		{parts, arn("ArnLike", `"arn:aws:sts:*:*:*"`), []string{p}, false},
		{parts, arn("ArnLike", `["arn:aws:sts:*:*:*","arn:aws:iam:*:*:policy/*"]`), []string{p}, true},
		{negated, arn("ArnNotLike", `"arn:aws:iam::*:policy/team/*"`), []string{p}, false},
		{negated, arn("ArnNotEquals", `"arn:aws:iam::*:policy/other/*"`), []string{p}, true},
		{negated, arn("ArnNotEquals", `["arn:aws:iam::*:policy/other/*","arn:aws:iam::*:policy/team/*"]`), []string{p}, false},
		{absent, arn("ArnLike", `"arn:*:*:*:*:*"`), nil, false},
		{absent, arn("ArnNotLike", `"arn:*:*:*:*:*"`), nil, true},
		{absent, arn("ArnLikeIfExists", `"arn:aws:sts:*:*:*"`), nil, true},
		{form, arn("ArnLike", `"arn:*:*:*:*:*"`), []string{k + "policy/team/a"}, false},
		{form, arn("ArnLike", `"arn:*:*:*:*:*"`), []string{k + "arn:aws:iam::policy"}, false},
		{form, arn("ArnNotLike", `"arn:*:*:*:*:*"`), []string{k + "policy"}, true},
		{"UG, Global keys, aws:PrincipalArn", `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::000000000000:user/alice"}}`, nil, true},
		{"UG, Global keys, aws:PrincipalArn", `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::000000000000:role/*"}}`, nil, false},
		{"UG, Condition operators, String: an ARN may be compared as text", `{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::000000000000:*"}}`, nil, true},
	})
}
