package identity

// ARNs of contract 2.0. The partition is aws, because clients' patterns know no other.

const (
	directory        = "workload-identity-directory/default"
	workloadIn       = "/workload-identity/"
	tokenVault       = "token-vault/default"
	oauth2ProviderIn = "/oauth2credentialprovider/"
	apiKeyProviderIn = "/apikeycredentialprovider/"
)

func (s *Service) arn(account, rest, name string) string {
	return "arn:aws:bedrock-agentcore:" + s.cfg.Region + ":" + account + ":" + rest + name
}

func (s *Service) directoryARN(account string) string {
	return s.arn(account, directory, "")
}

// WorkloadARN is the ARN of a workload identity.
func (s *Service) WorkloadARN(account, name string) string {
	return s.arn(account, directory+workloadIn, name)
}

func (s *Service) vaultARN(account string) string { return s.arn(account, tokenVault, "") }

// OAuth2ProviderARN is the ARN of an OAuth2 credential provider.
func (s *Service) OAuth2ProviderARN(account, name string) string {
	return s.arn(account, tokenVault+oauth2ProviderIn, name)
}

// APIKeyProviderARN is the ARN of an API-key credential provider.
func (s *Service) APIKeyProviderARN(account, name string) string {
	return s.arn(account, tokenVault+apiKeyProviderIn, name)
}

// secretARN names the place where a managed secret rests, in the form that clients read. The suffixes are taken from
// the provider's random id: stable, and new when the provider is made again.
func (s *Service) secretARN(account, kind, name, id string) string {
	hexID := id[len(id)-32:]
	return "arn:aws:secretsmanager:" + s.cfg.Region + ":" + account + ":secret:bedrock-agentcore-identity!default/" + kind + "/" + name + "-" + hexID[:8] + "-" + hexID[8:14]
}

func (s *Service) accountARN(account string) string {
	return "arn:aws:lanyard:" + s.cfg.Region + ":" + account + ":*"
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// A resource's ARN goes on where that of what it lies in ends, which is the other resource of each request for it: both
// are one text. The lists have room for the resources of a token beside them (onToken).

func (s *Service) workloadResources(account, name string) []string {
	arn := s.arn(account, directory+workloadIn, name)
	return append(make([]string, 0, 4), arn, arn[:len(arn)-len(workloadIn)-len(name)])
}

func (s *Service) oauth2ProviderResources(account, name string) []string {
	arn := s.arn(account, tokenVault+oauth2ProviderIn, name)
	return append(make([]string, 0, 4), arn, arn[:len(arn)-len(oauth2ProviderIn)-len(name)])
}

func (s *Service) apiKeyProviderResources(account, name string) []string {
	arn := s.arn(account, tokenVault+apiKeyProviderIn, name)
	return append(make([]string, 0, 4), arn, arn[:len(arn)-len(apiKeyProviderIn)-len(name)])
}
