package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// APIKeyProvider is a configured API key, sealed.
type APIKeyProvider struct {
	Account, ID, Name    string
	Tags                 map[string]string
	CreatedAt, UpdatedAt time.Time

	record Record
}

// NewAPIKeyProvider is what a caller says of an API-key credential provider.
type NewAPIKeyProvider struct {
	Name string
	Key  vault.Secret
	Tags map[string]string
}

type apiKeyData struct {
	identified
	Tags map[string]string `json:"tags,omitempty"`
}

func decodeAPIKeyProvider(r Record) (*APIKeyProvider, error) {
	var d apiKeyData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding credential provider "+r.Name)
	}
	return &APIKeyProvider{Account: r.Account, ID: r.ID, Name: r.Name, Tags: d.Tags, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, record: r}, nil
}

// APIKeySecretARN names the place where the API key rests.
func (s *Service) APIKeySecretARN(p *APIKeyProvider) string {
	return s.secretARN(p.Account, "apikey", p.Name, p.ID)
}

func checkAPIKey(in *NewAPIKeyProvider) error {
	if in.Key.Empty() {
		return invalid("apiKey", "credential provider %s has no apiKey; send the key to store", in.Name)
	}
	return nil
}

// CreateAPIKeyProvider stores an API key.
func (s *Service) CreateAPIKeyProvider(ctx context.Context, caller *policy.Caller, in NewAPIKeyProvider) (*APIKeyProvider, error) {
	r := request{caller: caller, action: "bedrock-agentcore:CreateApiKeyCredentialProvider", durable: true, provider: in.Name,
		resources: onTagged(s.apiKeyProviderResources(caller.Account, in.Name), in.Tags)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*APIKeyProvider, error) {
		if err := checkAPIKey(&in); err != nil {
			return nil, err
		}
		p := &APIKeyProvider{Account: caller.Account, ID: newID(s.Rand, "ap-"), Name: in.Name, Tags: in.Tags}
		p.record = Record{Account: p.Account, Kind: KindAPIKeyProvider, ID: p.ID, Name: p.Name}
		err := s.insert(ctx, &p.record, apiKeyData{identified{Name: p.Name}, p.Tags}, in.Key)
		if errors.Is(err, ErrExists) {
			return nil, refuse(Conflict, "a credential provider named %s exists already; choose another name, or change it with UpdateApiKeyCredentialProvider", in.Name)
		}
		p.CreatedAt, p.UpdatedAt = p.record.CreatedAt, p.record.UpdatedAt
		return p, internal(err, "storing credential provider "+in.Name)
	})
}

// GetAPIKeyProvider returns an API-key provider, without its key.
func (s *Service) GetAPIKeyProvider(ctx context.Context, caller *policy.Caller, name string) (*APIKeyProvider, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetApiKeyCredentialProvider", provider: name, resources: s.onAPIKeyProvider(name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*APIKeyProvider, error) {
		return s.apiKeyProvider(ctx, caller.Account, name, true)
	})
}

// ListAPIKeyProviders returns a page in order of name.
func (s *Service) ListAPIKeyProviders(ctx context.Context, caller *policy.Caller, p Page) (List[*APIKeyProvider], error) {
	r := request{caller: caller, action: "bedrock-agentcore:ListApiKeyCredentialProviders", resources: on([]string{s.vaultARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[*APIKeyProvider], error) {
		return listRecords(ctx, s, caller.Account, KindAPIKeyProvider, p, decodeAPIKeyProvider)
	})
}

// UpdateAPIKeyProvider replaces the key.
func (s *Service) UpdateAPIKeyProvider(ctx context.Context, caller *policy.Caller, in NewAPIKeyProvider) (*APIKeyProvider, error) {
	r := request{caller: caller, action: "bedrock-agentcore:UpdateApiKeyCredentialProvider", durable: true, provider: in.Name, resources: s.onAPIKeyProvider(in.Name)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*APIKeyProvider, error) {
		if err := checkAPIKey(&in); err != nil {
			return nil, err
		}
		old, err := s.apiKeyProvider(ctx, caller.Account, in.Name, true)
		if err != nil {
			return nil, err
		}
		p := *old
		err = s.replace(ctx, &p.record, apiKeyData{identified{Name: p.Name}, p.Tags}, in.Key)
		if errors.Is(err, ErrVersion) {
			return nil, refuse(Conflict, "credential provider %s was changed by somebody else at the same moment; read it and try again", in.Name)
		}
		p.UpdatedAt = p.record.UpdatedAt
		return &p, internal(err, "storing credential provider "+in.Name)
	})
}

// DeleteAPIKeyProvider removes the provider and its key: the record key goes with the row, so no copy of the
// ciphertext opens again.
func (s *Service) DeleteAPIKeyProvider(ctx context.Context, caller *policy.Caller, name string) error {
	r := request{caller: caller, action: "bedrock-agentcore:DeleteApiKeyCredentialProvider", durable: true, provider: name, resources: s.onAPIKeyProvider(name)}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) {
		p, err := s.apiKeyProvider(ctx, caller.Account, name, true)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.remove(ctx, &p.record)
	})
	return err
}

// onAPIKeyProvider names an API-key credential provider with its tags, and the vault.
func (s *Service) onAPIKeyProvider(name string) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		p, err := s.apiKeyProvider(ctx, c.caller.Account, name, false)
		if err != nil && codeOf(err) != NotFound {
			return nil, err
		}
		arns := s.apiKeyProviderResources(c.caller.Account, name)
		if err == nil {
			c.tagged(arns[0], p.Tags)
		}
		return arns, nil
	}
}

func (s *Service) apiKeyProvider(ctx context.Context, account, name string, fresh bool) (*APIKeyProvider, error) {
	st, err := s.state(ctx, account, fresh)
	if err != nil {
		return nil, err
	}
	p, err := lookup(ctx, s, st, account, KindAPIKeyProvider, "", name, decodeAPIKeyProvider)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "there is no API-key credential provider %s in account %s. Create it with CreateApiKeyCredentialProvider, or list those there are with: aws bedrock-agentcore-control list-api-key-credential-providers", name, account)
	}
	if err != nil {
		return nil, internal(err, "reading credential provider "+name)
	}
	return p, nil
}

// ResourceAPIKey hands a workload the API key of a provider.
func (s *Service) ResourceAPIKey(ctx context.Context, caller *policy.Caller, workloadToken, providerName string) (vault.Secret, error) {
	r := request{caller: caller, action: "bedrock-agentcore:GetResourceApiKey", provider: providerName,
		resources: s.onToken(workloadToken, s.onAPIKeyProvider(providerName))}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (vault.Secret, error) {
		p, err := s.apiKeyProvider(ctx, caller.Account, providerName, false)
		if err != nil {
			return vault.Secret{}, err
		}
		key, err := s.Vault.Open(ctx, recordPlace(&p.record), p.record.Sealed)
		if err != nil {
			return vault.Secret{}, internal(err, "opening the API key of credential provider "+providerName)
		}
		return key, nil
	})
}
