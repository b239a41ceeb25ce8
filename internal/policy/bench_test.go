package policy

import (
	"fmt"
	"testing"
	"time"
)

// manyStatements is a role session with n statements in documents of 25, of
// which a fifth have conditions, a fifth policy variables and a fifth another
// service's actions. The last one allows.
func manyStatements(tb testing.TB, n int) (*Caller, *Request) {
	tb.Helper()
	var docs []*Document
	for i := 0; i < n-1; i += 25 {
		var statements []string
		for j := i; j < min(i+25, n-1); j++ {
			statements = append(statements, benchStatement(j))
		}
		docs = append(docs, mustParse(tb, documentText(statements...)))
	}
	docs = append(docs, mustParse(tb, documentText(
		`{"Effect":"Allow","Action":"bedrock-agentcore:Get*","Resource":["`+directory+`","`+directory+`/workload-identity/${aws:PrincipalTag/agent}"],
		  "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"},"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}}`)))
	c := session(docs...)
	c.Tags = map[string]string{"agent": "agent", "team": "blue"}
	c.SourceIP = "10.1.2.3"
	r := ask(workload, directory)
	r.Now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	r.ResourceTags = map[string]map[string]string{workload: {"team": "blue"}, directory: {"team": "blue"}}
	r.Context = Context{"bedrock-agentcore:userid": {"alice"}}
	return c, r
}

func benchStatement(i int) string {
	other := fmt.Sprintf("%s/workload-identity/other%d-*", directory, i)
	switch i % 5 {
	case 0:
		return fmt.Sprintf(`{"Effect":"Allow","Action":"bedrock-agentcore:Get*","Resource":%q,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}`, directory+"*")
	case 1:
		return statementText("Allow", "bedrock-agentcore:Get*", directory+"/workload-identity/${aws:userid}/*")
	case 2:
		return fmt.Sprintf(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*"}`, i)
	case 3:
		return statementText("Deny", "bedrock-agentcore:GetWorkload*", other)
	}
	return statementText("Allow", "bedrock-agentcore:*", other)
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	c, r := manyStatements(t, 100)
	c.UserID = "AROAEXAMPLE:agent-session"
	if n := testing.AllocsPerRun(100, func() {
		if !Evaluate(c, r).Allowed {
			t.Fatal("denied")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c, r := manyStatements(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if !Evaluate(c, r).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}

// account is a caller of 1000 statements of which no two have their actions,
// their resources or their conditions in common: of a dozen services, some of
// them named beside others, and a fourth about the service that is asked.
func account1000(tb testing.TB) (*Caller, *Request) {
	tb.Helper()
	c, r := manyStatements(tb, 1)
	services := []string{"bedrock-agentcore", "s3", "dynamodb", "bedrock-agentcore", "sqs", "sns", "kms", "bedrock-agentcore", "logs", "ec2", "lambda", "ssm"}
	for i := range 40 {
		var statements []string
		for j := range 25 {
			n := 25*i + j
			service, also := services[n%len(services)], services[(n+i)%len(services)]
			resource := fmt.Sprintf("%s/workload-identity/${aws:PrincipalTag/team%d}", directory, n)
			if n%3 > 0 {
				resource = fmt.Sprintf("arn:aws:%s:us-west-2:000000000000:thing/%d/*", service, n)
			}
			condition := fmt.Sprintf(`{"StringEquals":{"aws:PrincipalTag/team":"red%d"}}`, n)
			if n%2 > 0 {
				condition = fmt.Sprintf(`{"NotIpAddress":{"aws:SourceIp":"10.%d.0.0/16"},"Bool":{"aws:SecureTransport":"true"}}`, n%256)
			}
			statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":["%s:Get*","%s:List%d"],"Resource":[%q,%q],"Condition":%s}`, service, also, n, resource, fmt.Sprintf("%s/x/%d", directory, n), condition))
		}
		c.Policies = append(c.Policies, mustParse(tb, documentText(statements...)))
	}
	return c, r
}

func BenchmarkEvaluateAccount(b *testing.B) {
	c, r := account1000(b)
	b.ReportAllocs()
	for b.Loop() {
		if !Evaluate(c, r).Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkEvaluateTrust(b *testing.B) {
	doc := mustParseTrust(b, trustText(`{"AWS":"`+roleARN+`"}`, "sts:AssumeRole", `{"StringEquals":{"sts:ExternalId":"x"}}`))
	r := &Request{Action: "sts:AssumeRole", Resources: []string{targetARN}, Context: Context{"sts:externalid": {"x"}}}
	c := session()
	b.ReportAllocs()
	for b.Loop() {
		if !EvaluateTrust(doc, c, r).Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	doc := []byte(documentText(benchStatement(0), benchStatement(1), benchStatement(2), benchStatement(3)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("p", doc); err != nil {
			b.Fatal(err)
		}
	}
}
