package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

const (
	workload = "github-agent"
	provider = "github"
	user     = "github-agent"
)

// agentPolicy is all that an agent needs. It must not have CompleteResourceTokenAuth: who asks for a consent and may also
// complete it consents in everybody's name (A53).
const agentPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["bedrock-agentcore:GetWorkloadAccessTokenForUserId","bedrock-agentcore:GetResourceOauth2Token"],"Resource":"*"}]}`

// asDeveloper signs with the root key of the development instance, which only this program gets.
func asDeveloper(ctx context.Context, env map[string]string) (*client.Client, error) {
	return client.New(ctx, client.WithEndpoint(env["LANYARD_ENDPOINT"]), client.WithRegion(env["AWS_REGION"]),
		client.WithCredentials(credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")))
}

// register makes the agent's workload identity, the credential provider and the agent's own user, or brings those of an
// earlier run up to date. The key is that user's.
func (s *story) register(ctx context.Context, c *client.Client, w *world) (key api.AccessKey, err error) {
	if err := s.registerWorkload(ctx, c); err != nil {
		return key, err
	}
	if err := s.registerProvider(ctx, c, w); err != nil {
		return key, err
	}
	return registerAgent(ctx, c)
}

func (s *story) registerWorkload(ctx context.Context, c *client.Client) error {
	back := []string{"http://" + s.door + "/oauth2/session-binding"}
	_, err := c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: workload, ReturnURLs: back})
	if exists(err) {
		_, err = c.UpdateWorkloadIdentity(ctx, &api.UpdateWorkloadIdentityRequest{Name: workload, ReturnURLs: back})
	}
	return err
}

// registerProvider keeps an earlier run's provider for the real GitHub: its callback URL is registered there, and people's
// grants hang on it. That of a stand-in has gone with the stand-in.
func (s *story) registerProvider(ctx context.Context, c *client.Client, w *world) error {
	in := s.provider(w)
	if w.github != nil {
		if err := c.DeleteOauth2CredentialProvider(ctx, provider); err != nil && !client.Is(err, api.ResourceNotFoundException) {
			return err
		}
	}
	made, err := c.CreateOauth2CredentialProvider(ctx, in)
	if exists(err) {
		made, err = c.UpdateOauth2CredentialProvider(ctx, &api.UpdateOauth2CredentialProviderRequest{Name: in.Name, Vendor: in.Vendor, Config: in.Config})
	}
	if err != nil {
		return err
	}
	w.callback = made.CallbackURL
	if w.github != nil {
		w.github.RegisterCallback(made.CallbackURL)
	}
	return nil
}

// registerAgent makes the user as whom the agent calls, with a new key. Those of earlier runs end.
func registerAgent(ctx context.Context, c *client.Client) (key api.AccessKey, err error) {
	if _, err := c.CreateUser(ctx, &api.CreateUserRequest{UserName: user}); err != nil && !client.Is(err, api.EntityAlreadyExists) {
		return key, err
	}
	if err := c.PutUserPolicy(ctx, &api.PutUserPolicyRequest{UserName: user, PolicyName: "agent", Document: agentPolicy}); err != nil {
		return key, err
	}
	old, err := c.ListAccessKeys(ctx, &api.ListAccessKeysRequest{UserName: user})
	if err != nil {
		return key, err
	}
	for _, k := range old.Keys {
		if err := c.DeleteAccessKey(ctx, &api.DeleteAccessKeyRequest{UserName: user, AccessKeyID: k.AccessKeyID}); err != nil {
			return key, err
		}
	}
	made, err := c.CreateAccessKey(ctx, &api.CreateAccessKeyRequest{UserName: user})
	if err != nil {
		return key, err
	}
	return made.AccessKey, nil
}

// exists tells that the name is taken. Operations whose clients know only validation errors say it by a reason.
func exists(err error) bool {
	ex, ok := errors.AsType[*api.Exception](err)
	return ok && (ex.Name == api.ConflictException || ex.Name == api.ValidationException && ex.Reason == api.ReasonResourceConflict)
}
