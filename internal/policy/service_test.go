package policy

import "testing"

// TestServicesAreNamed: a service takes on the roles whose trust policies name it, under their conditions, and no others;
// it has no policies, so nothing else is ever allowed to it.
func TestServicesAreNamed(t *testing.T) {
	t.Parallel()
	const name, role = "bedrock-agentcore.amazonaws.com", "arn:aws:iam::123456789012:role/agents"
	allow := func(principal, condition string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + condition + `}}`
	}
	own := `,"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnLike":{"aws:SourceArn":"arn:aws:bedrock-agentcore:*:123456789012:runtime/*"}}`
	for doc, want := range map[string]bool{
		allow(`{"Service":"`+name+`"}`, ""):                           true,
		allow(`{"Service":["lambda.amazonaws.com","`+name+`"]}`, own): true,
		allow(`{"Service":"lambda.amazonaws.com"}`, ""):               false,
		allow(`{"AWS":"123456789012"}`, ""):                           false,
		allow(`"*"`, ""):                                              false,
		allow(`{"Service":"`+name+`"}`, `,"Condition":{"StringEquals":{"aws:SourceAccount":"210987654321"}}`):                                                                                    false,
		allow(`{"Service":"`+name+`"}`, `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:bedrock-agentcore:*:123456789012:gateway/*"}}`):                                                       false,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + name + `"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}`: false,
	} {
		d, err := ParseTrust("trust", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		c := &Caller{Account: "123456789012", ARN: name, Name: name, Kind: KindService}
		r := &Request{Action: "sts:AssumeRole", Resources: []string{role}, Context: Context{}}
		r.Context.Set("aws:SourceAccount", "123456789012")
		r.Context.Set("aws:SourceArn", "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/a-0123456789")
		if got := EvaluateTrust(d, c, r).Allowed; got != want {
			t.Errorf("%s: %v", doc, got)
		}
	}
	everything, err := Parse("all", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &Caller{Account: "123456789012", Name: name, Kind: KindService, Policies: []*Document{everything}}
	if Evaluate(c, &Request{Action: "iam:GetUser", Resources: []string{"*"}}).Allowed || KindService.String() != "service" {
		t.Error("a service may do what only its policies would allow")
	}
}
