package policy

import "testing"

func TestConformanceAction(t *testing.T) {
	const (
		noCase   = "UG, Action: service prefix and name compare without case"
		wildcard = "UG, Action: * stands for any run of characters, ? for one"
		list     = "UG, Action: one of several suffices"
		not      = "UG, NotAction: matches every action but those listed"
		whole    = "UG, Action: a pattern matches the whole action"
	)
	any := func(action string) string { return `"Action":` + action + `,"Resource":"*"` }
	except := func(action string) string { return `"NotAction":` + action + `,"Resource":"*"` }
	checkStatements(t, []statementCase{
		{whole, any(`"sts:AssumeRole"`), "sts:AssumeRole", "", true},
		{whole, any(`"sts:AssumeRole"`), "sts:AssumeRoleWithWebIdentity", "", false},
		{whole, any(`"sts:AssumeRoleWithWebIdentity"`), "sts:AssumeRole", "", false},
		{whole, any(`"sts:AssumeRole"`), "iam:AssumeRole", "", false},
		{noCase, any(`"STS:assumerole"`), "sts:AssumeRole", "", true},
		{noCase, any(`"sts:AssumeRole"`), "STS:ASSUMEROLE", "", true},
		{noCase, any(`"sts:ASSUME*"`), "sts:AssumeRole", "", true},
		{wildcard, any(`"*"`), "iam:CreateUser", "", true},
		{wildcard, any(`"*:*"`), "iam:CreateUser", "", true},
		{wildcard, any(`"iam:*"`), "iam:CreateUser", "", true},
		{wildcard, any(`"iam:*"`), "iamx:CreateUser", "", false},
		{wildcard, any(`"iam:*User"`), "iam:CreateUser", "", true},
		{wildcard, any(`"iam:*User"`), "iam:CreateUserX", "", false},
		{wildcard, any(`"iam:*User*"`), "iam:ListUsers", "", true},
		{wildcard, any(`"iam:?reateUser"`), "iam:CreateUser", "", true},
		{wildcard, any(`"iam:?CreateUser"`), "iam:CreateUser", "", false},
		{wildcard, any(`"iam:C*U*r"`), "iam:CreateUser", "", true},
		{wildcard, any(`"iam:C*X*r"`), "iam:CreateUser", "", false},
		{list, any(`["iam:GetUser","iam:CreateUser"]`), "iam:CreateUser", "", true},
		{list, any(`["iam:GetUser","iam:CreateUser"]`), "iam:DeleteUser", "", false},
		{list, any(`["s3:*","*"]`), "iam:DeleteUser", "", true},
		{"UG, Action: policies may name services that are not used", any(`["s3:GetObject","logs:*","secretsmanager:GetSecretValue"]`), "", "", false},
		{not, except(`"iam:*"`), "sts:AssumeRole", "", true},
		{not, except(`"iam:*"`), "iam:CreateUser", "", false},
		{not, except(`"IAM:createuser"`), "iam:CreateUser", "", false},
		{not, except(`["iam:*","sts:*"]`), "sts:AssumeRole", "", false},
		{not, except(`["iam:*","sts:*"]`), "kms:Decrypt", "", true},
		{not, except(`"*"`), "kms:Decrypt", "", false},
		{not, except(`"iam:Get*"`), "iam:CreateUser", "", true},
	})
}

func TestConformanceResource(t *testing.T) {
	const (
		exact    = "UG, Resource: ARNs compare with case and as a whole"
		wildcard = "UG, Resource: * and ? within the parts of an ARN"
		not      = "UG, NotResource: matches every resource but those listed"
		beyond   = "UG, Resource: a * at the end of a part reaches over colons"
	)
	on := func(resource string) string { return `"Action":"*","Resource":` + resource }
	except := func(resource string) string { return `"Action":"*","NotResource":` + resource }
	const role = "arn:aws:iam::000000000000:role/path/agents"
	checkStatements(t, []statementCase{
		{exact, on(`"` + role + `"`), "", role, true},
		{exact, on(`"arn:aws:iam::000000000000:role/path/Agents"`), "", role, false},
		{exact, on(`"arn:aws:iam::000000000000:role/path/agent"`), "", role, false},
		{exact, on(`"arn:aws:iam::000000000001:role/path/agents"`), "", role, false},
		{exact, on(`"arn:aws-cn:iam::000000000000:role/path/agents"`), "", role, false},
		{exact, on(`["` + vaultARN + `","` + role + `"]`), "", role, true},
		{exact, on(`["` + vaultARN + `","` + workload + `"]`), "", role, false},
		{wildcard, on(`"*"`), "", role, true},
		{wildcard, on(`"arn:aws:iam::000000000000:role/*"`), "", role, true},
		{wildcard, on(`"arn:aws:iam::000000000000:role/*/agents"`), "", role, true},
		{wildcard, on(`"arn:aws:iam::000000000000:role/????/agents"`), "", role, true},
		{wildcard, on(`"arn:aws:iam::000000000000:role/???/agents"`), "", role, false},
		{wildcard, on(`"arn:aws:iam::*:role/path/agents"`), "", role, true},
		{wildcard, on(`"arn:*:iam::000000000000:role/path/agents"`), "", role, true},
		{wildcard, on(`"arn:aws:iam::000000000000:user/*"`), "", role, false},
		{wildcard, on(`"arn:aws:iam::000000000000:*agents"`), "", role, true},
		{beyond, on(`"arn:aws:iam:*"`), "", role, true},
		{beyond, on(`"arn:aws:iam::*"`), "", role, true},
		{beyond, on(`"arn:aws:sts:*"`), "", role, false},
		{not, except(`"` + role + `"`), "", role, false},
		{not, except(`"arn:aws:iam::000000000000:role/*"`), "", role, false},
		{not, except(`"arn:aws:iam::000000000000:user/*"`), "", role, true},
		{not, except(`["` + vaultARN + `","` + role + `"]`), "", role, false},
		{not, except(`"*"`), "", role, false},
		{"UG, Resource: an action without resources asks for *", on(`"*"`), "sts:GetCallerIdentity", "*", true},
		{"UG, Resource: an action without resources asks for *", on(`"arn:aws:iam::*"`), "sts:GetCallerIdentity", "*", false},
	})
}
