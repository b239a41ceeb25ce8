package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

func testCreateWorkloadIdentity(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	in := &control.CreateWorkloadIdentityInput{Name: aws.String("agent"), AllowedResourceOauth2ReturnUrls: []string{"https://a.example/b", "myapp:/back"}, Tags: map[string]string{"team": "x"}}
	out, err := c.CreateWorkloadIdentity(t.Context(), in)
	check(t, err)
	const arn = "arn:aws:bedrock-agentcore:us-west-2:000000000000:workload-identity-directory/default/workload-identity/agent"
	if aws.ToString(out.Name) != "agent" || aws.ToString(out.WorkloadIdentityArn) != arn || !slices.Equal(out.AllowedResourceOauth2ReturnUrls, in.AllowedResourceOauth2ReturnUrls) {
		t.Errorf("created as %s %s %v", aws.ToString(out.Name), aws.ToString(out.WorkloadIdentityArn), out.AllowedResourceOauth2ReturnUrls)
	}
	_, err = c.CreateWorkloadIdentity(t.Context(), in)
	if ex := failsAs[*ctypes.ValidationException](t, err, 400); ex.Reason != ctypes.ValidationExceptionReasonResourceConflict || len(ex.FieldList) != 1 {
		t.Errorf("a second one of the same name: reason %s, fields %v", ex.Reason, ex.FieldList)
	}
}

func testGetWorkloadIdentity(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	_, err := c.GetWorkloadIdentity(t.Context(), &control.GetWorkloadIdentityInput{Name: aws.String("absent")})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	before := s.Clock.Now()
	_, err = c.CreateWorkloadIdentity(t.Context(), &control.CreateWorkloadIdentityInput{Name: aws.String("agent")})
	check(t, err)
	out, err := c.GetWorkloadIdentity(t.Context(), &control.GetWorkloadIdentityInput{Name: aws.String("agent")})
	check(t, err)
	if out.AllowedResourceOauth2ReturnUrls == nil || len(out.AllowedResourceOauth2ReturnUrls) != 0 {
		t.Errorf("return URLs are %v, want an empty list", out.AllowedResourceOauth2ReturnUrls)
	}
	if d := aws.ToTime(out.CreatedTime).Sub(before); d < -time.Second || d > time.Second || !aws.ToTime(out.LastUpdatedTime).Equal(aws.ToTime(out.CreatedTime)) {
		t.Errorf("created at %v, updated at %v, now is %v", out.CreatedTime, out.LastUpdatedTime, before)
	}
}

func testListWorkloadIdentities(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	create := func(name string) {
		t.Helper()
		_, err := c.CreateWorkloadIdentity(t.Context(), &control.CreateWorkloadIdentityInput{Name: &name})
		check(t, err)
	}
	for i := range 5 {
		create(fmt.Sprintf("agent-%d", i))
	}
	first, err := c.ListWorkloadIdentities(t.Context(), &control.ListWorkloadIdentitiesInput{MaxResults: aws.Int32(2)})
	check(t, err)
	// Pages stay in place while items come and go.
	create("agent-0b")
	_, err = c.DeleteWorkloadIdentity(t.Context(), &control.DeleteWorkloadIdentityInput{Name: aws.String("agent-1")})
	check(t, err)
	names := workloadNames(first.WorkloadIdentities)
	for next := first.NextToken; next != nil; {
		page, err := c.ListWorkloadIdentities(t.Context(), &control.ListWorkloadIdentitiesInput{MaxResults: aws.Int32(2), NextToken: next})
		check(t, err)
		names, next = append(names, workloadNames(page.WorkloadIdentities)...), page.NextToken
	}
	if got := strings.Join(names, " "); got != "agent-0 agent-1 agent-2 agent-3 agent-4" {
		t.Errorf("pages hold %s", got)
	}
	for _, bad := range []string{"not a token", "d29ya2xvYWQ", *first.NextToken + "A"} {
		_, err = c.ListWorkloadIdentities(t.Context(), &control.ListWorkloadIdentitiesInput{NextToken: &bad})
		if bad == *first.NextToken+"A" {
			continue // decodes to another place of the same list, which is as good
		}
		failsAs[*ctypes.ValidationException](t, err, 400)
	}
	_, err = c.ListOauth2CredentialProviders(t.Context(), &control.ListOauth2CredentialProvidersInput{NextToken: first.NextToken})
	failsAs[*ctypes.ValidationException](t, err, 400)
}

func workloadNames(items []ctypes.WorkloadIdentityType) []string {
	var names []string
	for _, i := range items {
		names = append(names, aws.ToString(i.Name))
	}
	return names
}

func testUpdateWorkloadIdentity(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	update := func(urls ...string) (*control.UpdateWorkloadIdentityOutput, error) {
		return c.UpdateWorkloadIdentity(t.Context(), &control.UpdateWorkloadIdentityInput{Name: aws.String("agent"), AllowedResourceOauth2ReturnUrls: urls})
	}
	_, err := update("https://a.example/")
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	created, err := c.CreateWorkloadIdentity(t.Context(), &control.CreateWorkloadIdentityInput{Name: aws.String("agent"), AllowedResourceOauth2ReturnUrls: []string{"https://old.example/"}})
	check(t, err)
	s.Clock.Advance(time.Minute)
	out, err := update("https://new.example/")
	check(t, err)
	if !slices.Equal(out.AllowedResourceOauth2ReturnUrls, []string{"https://new.example/"}) || aws.ToString(out.WorkloadIdentityArn) != aws.ToString(created.WorkloadIdentityArn) {
		t.Errorf("updated to %v", out.AllowedResourceOauth2ReturnUrls)
	}
	if d := aws.ToTime(out.LastUpdatedTime).Sub(aws.ToTime(out.CreatedTime)); d < time.Minute || d > time.Minute+time.Second {
		t.Errorf("updated %v after the creation, want a minute", d)
	}
	_, err = update("javascript:alert(1)")
	if ex := failsAs[*ctypes.ValidationException](t, err, 400); len(ex.FieldList) != 1 || aws.ToString(ex.FieldList[0].Name) != "allowedResourceOauth2ReturnUrls" {
		t.Errorf("fields are %v", ex.FieldList)
	}
	out, err = update()
	check(t, err)
	if len(out.AllowedResourceOauth2ReturnUrls) != 0 {
		t.Errorf("an update without URLs leaves %v", out.AllowedResourceOauth2ReturnUrls)
	}
}

func testDeleteWorkloadIdentity(t *testing.T, s *servertest.Service) {
	c := s.Client(s.Root).Control
	del := func() error {
		_, err := c.DeleteWorkloadIdentity(t.Context(), &control.DeleteWorkloadIdentityInput{Name: aws.String("agent")})
		return err
	}
	failsAs[*ctypes.ResourceNotFoundException](t, del(), 404)
	_, err := c.CreateWorkloadIdentity(t.Context(), &control.CreateWorkloadIdentityInput{Name: aws.String("agent")})
	check(t, err)
	check(t, del())
	_, err = c.GetWorkloadIdentity(t.Context(), &control.GetWorkloadIdentityInput{Name: aws.String("agent")})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
}
