package identity

// ARNs of contract 2.0. The partition is aws, because clients' patterns know no other.

func (s *Service) arn(account, rest string) string {
	return "arn:aws:bedrock-agentcore:" + s.cfg.Region + ":" + account + ":" + rest
}

func (s *Service) directoryARN(account string) string {
	return s.arn(account, "workload-identity-directory/default")
}

// WorkloadARN is the ARN of a workload identity.
func (s *Service) WorkloadARN(account, name string) string {
	return s.arn(account, "workload-identity-directory/default/workload-identity/"+name)
}

func (s *Service) vaultARN(account string) string { return s.arn(account, "token-vault/default") }

// OAuth2ProviderARN is the ARN of an OAuth2 credential provider.
func (s *Service) OAuth2ProviderARN(account, name string) string {
	return s.arn(account, "token-vault/default/oauth2credentialprovider/"+name)
}

// APIKeyProviderARN is the ARN of an API-key credential provider.
func (s *Service) APIKeyProviderARN(account, name string) string {
	return s.arn(account, "token-vault/default/apikeycredentialprovider/"+name)
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

func (s *Service) workloadResources(account, name string) []string {
	return []string{s.WorkloadARN(account, name), s.directoryARN(account)}
}

func (s *Service) oauth2ProviderResources(account, name string) []string {
	return []string{s.OAuth2ProviderARN(account, name), s.vaultARN(account)}
}

func (s *Service) apiKeyProviderResources(account, name string) []string {
	return []string{s.APIKeyProviderARN(account, name), s.vaultARN(account)}
}
