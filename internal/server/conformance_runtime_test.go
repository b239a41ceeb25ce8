package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	control "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol"
	ctypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcorecontrol/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// withHost is the same service with an agent host that a test scripts.
func withHost(t *testing.T) *world {
	t.Helper()
	return newWorld(t)
}

func sdkArtifact(bucket, prefix string) ctypes.AgentRuntimeArtifact {
	return &ctypes.AgentRuntimeArtifactMemberCodeConfiguration{Value: ctypes.CodeConfiguration{
		Code:    &ctypes.CodeMemberS3{Value: ctypes.S3Location{Bucket: &bucket, Prefix: &prefix}},
		Runtime: ctypes.AgentManagedRuntimeTypePython312, EntryPoint: []string{"agent.py"}}}
}

func testAgentRuntimes(t *testing.T, _ *servertest.Service) {
	w := withHost(t)
	c, ctx := w.Client(w.Root), t.Context()
	sum := sha256.Sum256([]byte("zip"))
	archive := api.ArchivePrefix + hex.EncodeToString(sum[:])
	w.host.archives = map[string]bool{hex.EncodeToString(sum[:]): true}
	made, err := c.Control.CreateAgentRuntime(ctx, &control.CreateAgentRuntimeInput{AgentRuntimeName: aws.String("researcher"), RoleArn: aws.String(runtimeRoleARN),
		AgentRuntimeArtifact: sdkArtifact(api.ArchiveBucket, archive), NetworkConfiguration: &ctypes.NetworkConfiguration{NetworkMode: ctypes.NetworkModePublic},
		EnvironmentVariables: map[string]string{"KEY": "value"}, Description: aws.String("first"), Tags: map[string]string{"team": "x"}})
	check(t, err)
	id := aws.ToString(made.AgentRuntimeId)
	if made.Status != ctypes.AgentRuntimeStatusReady || aws.ToString(made.AgentRuntimeVersion) != "1" || *made.AgentRuntimeArn != w.Identity.RuntimeARN(w.Account, id) ||
		*made.WorkloadIdentityDetails.WorkloadIdentityArn != w.Identity.WorkloadARN(w.Account, id) || time.Since(*made.CreatedAt) > time.Hour {
		t.Errorf("made %+v", made)
	}
	_, err = c.Control.UpdateAgentRuntime(ctx, &control.UpdateAgentRuntimeInput{AgentRuntimeId: &id, RoleArn: aws.String(runtimeRoleARN), Description: aws.String("second"),
		AgentRuntimeArtifact: sdkArtifact(api.DirectoryBucket, "/srv/agent"), NetworkConfiguration: &ctypes.NetworkConfiguration{NetworkMode: ctypes.NetworkModePublic}})
	check(t, err)
	latest, err := c.Control.GetAgentRuntime(ctx, &control.GetAgentRuntimeInput{AgentRuntimeId: &id})
	check(t, err)
	first, err := c.Control.GetAgentRuntime(ctx, &control.GetAgentRuntimeInput{AgentRuntimeId: &id, AgentRuntimeVersion: aws.String("1")})
	check(t, err)
	if *latest.AgentRuntimeVersion != "2" || *latest.Description != "second" || len(latest.EnvironmentVariables) != 0 {
		t.Errorf("the latest version is %+v", latest)
	}
	if *first.AgentRuntimeVersion != "1" || *first.Description != "first" || first.EnvironmentVariables["KEY"] != "value" || *first.LifecycleConfiguration.IdleRuntimeSessionTimeout != 900 {
		t.Errorf("the first version is %+v", first)
	}
	code := first.AgentRuntimeArtifact.(*ctypes.AgentRuntimeArtifactMemberCodeConfiguration).Value.Code.(*ctypes.CodeMemberS3).Value
	if *code.Bucket != api.ArchiveBucket || *code.Prefix != archive {
		t.Errorf("its code is %+v", code)
	}
	list, err := c.Control.ListAgentRuntimes(ctx, &control.ListAgentRuntimesInput{MaxResults: aws.Int32(1)})
	check(t, err)
	if len(list.AgentRuntimes) != 1 || list.NextToken == nil || *list.AgentRuntimes[0].AgentRuntimeName != "my_agent" {
		t.Errorf("a page is %+v", list)
	}
	versions, err := c.Control.ListAgentRuntimeVersions(ctx, &control.ListAgentRuntimeVersionsInput{AgentRuntimeId: &id})
	check(t, err)
	if len(versions.AgentRuntimes) != 2 || *versions.AgentRuntimes[0].Description != "first" {
		t.Errorf("versions are %+v", versions.AgentRuntimes)
	}
	_, err = c.Control.DeleteAgentRuntime(ctx, &control.DeleteAgentRuntimeInput{AgentRuntimeId: &id})
	check(t, err)
	_, err = c.Control.GetAgentRuntime(ctx, &control.GetAgentRuntimeInput{AgentRuntimeId: &id})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	_, err = c.Control.GetWorkloadIdentity(ctx, &control.GetWorkloadIdentityInput{Name: &id})
	failsAs[*ctypes.ResourceNotFoundException](t, err, 404)
	if len(w.host.stopped) != 1 || w.host.stopped[0].RuntimeID != id {
		t.Errorf("its sessions were not ended: %+v", w.host.stopped)
	}
}

func testAgentRuntimeEndpoints(t *testing.T, _ *servertest.Service) {
	w := withHost(t)
	c, ctx := w.Client(w.Root), t.Context()
	made, err := c.Control.CreateAgentRuntimeEndpoint(ctx, &control.CreateAgentRuntimeEndpointInput{AgentRuntimeId: &w.runtime, Name: aws.String("prod"), Description: aws.String("d")})
	check(t, err)
	if *made.TargetVersion != "1" || *made.AgentRuntimeEndpointArn != w.Identity.EndpointARN(w.Account, w.runtime, "prod") {
		t.Errorf("made %+v", made)
	}
	_, err = c.Control.UpdateAgentRuntime(ctx, &control.UpdateAgentRuntimeInput{AgentRuntimeId: &w.runtime, RoleArn: aws.String(runtimeRoleARN), AgentRuntimeArtifact: sdkArtifact(api.DirectoryBucket, "/srv/agent"),
		NetworkConfiguration: &ctypes.NetworkConfiguration{NetworkMode: ctypes.NetworkModePublic}})
	check(t, err)
	list, err := c.Control.ListAgentRuntimeEndpoints(ctx, &control.ListAgentRuntimeEndpointsInput{AgentRuntimeId: &w.runtime})
	check(t, err)
	if len(list.RuntimeEndpoints) != 2 || *list.RuntimeEndpoints[0].Name != "DEFAULT" || *list.RuntimeEndpoints[0].LiveVersion != "2" || *list.RuntimeEndpoints[1].LiveVersion != "1" {
		t.Errorf("endpoints are %+v", list.RuntimeEndpoints)
	}
	_, err = c.Control.DeleteAgentRuntime(ctx, &control.DeleteAgentRuntimeInput{AgentRuntimeId: &w.runtime})
	failsAs[*ctypes.ConflictException](t, err, 409)
	_, err = c.Control.UpdateAgentRuntimeEndpoint(ctx, &control.UpdateAgentRuntimeEndpointInput{AgentRuntimeId: &w.runtime, EndpointName: aws.String("prod"), AgentRuntimeVersion: aws.String("2")})
	check(t, err)
	got, err := c.Control.GetAgentRuntimeEndpoint(ctx, &control.GetAgentRuntimeEndpointInput{AgentRuntimeId: &w.runtime, EndpointName: aws.String("prod")})
	check(t, err)
	if *got.LiveVersion != "2" || *got.Description != "d" || *got.Id != w.runtime {
		t.Errorf("the endpoint is %+v", got)
	}
	_, err = c.Control.DeleteAgentRuntimeEndpoint(ctx, &control.DeleteAgentRuntimeEndpointInput{AgentRuntimeId: &w.runtime, EndpointName: aws.String("prod")})
	check(t, err)
	for _, name := range []string{"prod", "DEFAULT"} {
		_, err = c.Control.DeleteAgentRuntimeEndpoint(ctx, &control.DeleteAgentRuntimeEndpointInput{AgentRuntimeId: &w.runtime, EndpointName: &name})
		if err == nil {
			t.Errorf("endpoint %s was deleted", name)
		}
	}
}

func testRuntimeSessions(t *testing.T, _ *servertest.Service) {
	w := withHost(t)
	c, ctx := w.Client(w.Root), t.Context()
	out, err := c.Data.InvokeAgentRuntime(ctx, &data.InvokeAgentRuntimeInput{AgentRuntimeArn: aws.String(w.runtimeARN()), Payload: []byte(`{"prompt":"hi"}`), RuntimeUserId: aws.String("alice"), ContentType: aws.String("application/json")})
	check(t, err)
	body, err := io.ReadAll(out.Response)
	check(t, errors.Join(err, out.Response.Close()))
	in := w.host.last(t)
	if string(body) != `"hello"` || aws.ToInt32(out.StatusCode) != 200 || *out.ContentType != "application/json" || *out.RuntimeSessionId != in.SessionID || w.host.bodies[0] != `{"prompt":"hi"}` {
		t.Errorf("answered %s in session %s: %+v", body, in.SessionID, out)
	}
	_, err = c.Data.StopRuntimeSession(ctx, &data.StopRuntimeSessionInput{AgentRuntimeArn: aws.String(w.runtimeARN()), RuntimeSessionId: &in.SessionID})
	check(t, err)
	var sessions api.ListRuntimeSessionsResponse
	w.Call(t, w.Root, api.ListRuntimeSessions, map[string]any{"agentRuntimeId": w.runtime}).Into(t, &sessions)
	logs := w.Call(t, w.Root, api.GetRuntimeLogs, map[string]any{"agentRuntimeId": w.runtime})
	if string(logs.Body) != "a line of "+w.runtime+"\n" || logs.Status != 200 {
		t.Errorf("logs are %d %q", logs.Status, logs.Body)
	}
}

func testUploadAgentArchive(t *testing.T, _ *servertest.Service) {
	w := withHost(t)
	sum := sha256.Sum256([]byte("the archive"))
	var out api.UploadAgentArchiveResponse
	w.Call(t, w.Root, api.UploadAgentArchive, map[string]any{"payload": "the archive"}).Into(t, &out)
	if out.Bucket != api.ArchiveBucket || out.Prefix != api.ArchivePrefix+hex.EncodeToString(sum[:]) || !w.host.archives[hex.EncodeToString(sum[:])] {
		t.Errorf("uploaded to %+v", out)
	}
}
