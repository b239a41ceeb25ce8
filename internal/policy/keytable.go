package policy

// knownKey is a condition key of our namespaces.
type knownKey struct {
	name    string
	kind    keyKind
	typ     valueType
	tags    bool // the name is followed by a slash and a tag's or claim's name
	several bool
	nowhere bool // AWS answers it; nothing here does, so it counts as absent
}

// knownKeys are the keys of our namespaces. It is a table and never changes.
var knownKeys = [...]knownKey{
	// Answered by the caller's record, the request's time or the resource.
	{name: "aws:username", kind: keyUsername},
	{name: "aws:userid", kind: keyUserID},
	{name: "aws:PrincipalArn", kind: keyPrincipalARN, typ: typeARN},
	{name: "aws:PrincipalAccount", kind: keyPrincipalAccount},
	{name: "aws:PrincipalType", kind: keyPrincipalType},
	{name: "aws:PrincipalTag", kind: keyPrincipalTag, tags: true},
	{name: "aws:ResourceTag", kind: keyResourceTag, tags: true},
	{name: "iam:ResourceTag", kind: keyResourceTag, tags: true},
	{name: "aws:SourceIp", kind: keySourceIP, typ: typeIP},
	{name: "aws:SecureTransport", kind: keySecureTransport, typ: typeBool},
	{name: "aws:CurrentTime", kind: keyCurrentTime, typ: typeDate},
	{name: "aws:EpochTime", kind: keyEpochTime, typ: typeDate},
	{name: "aws:TokenIssueTime", kind: keyTokenIssueTime, typ: typeDate},
	{name: "aws:FederatedProvider", kind: keyFederatedProvider},
	{name: "aws:SourceIdentity", kind: keySourceIdentity},
	{name: "sts:RoleSessionName", kind: keyRoleSessionName},

	// Answered by the request's context.
	{name: "aws:RequestTag", tags: true},
	{name: "aws:SourceAccount"}, // of a service that takes a role on
	{name: "aws:SourceArn", typ: typeARN},
	{name: "aws:TagKeys", several: true},
	{name: "sts:DurationSeconds", typ: typeNumber},
	{name: "sts:ExternalId"},
	{name: "sts:IdentityTokenAudience", several: true},
	{name: "sts:SigningAlgorithm"},
	{name: "sts:SourceIdentity"},
	{name: "sts:TransitiveTagKeys", several: true},
	{name: "bedrock-agentcore:userid"},
	{name: "bedrock-agentcore:InboundJwtClaim", tags: true},
	{name: "lanyard:Scopes", several: true},
	{name: "iam:PolicyARN", typ: typeARN},
	{name: "iam:PassedToService"},

	// AWS answers these. Policies that come from there may ask for them.
	{name: "aws:AssumedRoot", typ: typeBool, nowhere: true},
	{name: "aws:CalledVia", several: true, nowhere: true},
	{name: "aws:CalledViaFirst", nowhere: true},
	{name: "aws:CalledViaLast", nowhere: true},
	{name: "aws:ChatbotSourceArn", typ: typeARN, nowhere: true},
	{name: "aws:Ec2InstanceSourceVpc", nowhere: true},
	{name: "aws:Ec2InstanceSourcePrivateIPv4", typ: typeIP, nowhere: true},
	{name: "aws:MultiFactorAuthAge", typ: typeNumber, nowhere: true},
	{name: "aws:MultiFactorAuthPresent", typ: typeBool, nowhere: true},
	{name: "aws:PrincipalIsAWSService", typ: typeBool, nowhere: true},
	{name: "aws:PrincipalOrgID", nowhere: true},
	{name: "aws:PrincipalOrgPaths", several: true, nowhere: true},
	{name: "aws:PrincipalServiceName", nowhere: true},
	{name: "aws:PrincipalServiceNamesList", several: true, nowhere: true},
	{name: "aws:Referer", nowhere: true},
	{name: "aws:RequestedRegion", nowhere: true},
	{name: "aws:ResourceAccount", nowhere: true},
	{name: "aws:ResourceOrgID", nowhere: true},
	{name: "aws:ResourceOrgPaths", several: true, nowhere: true},
	{name: "aws:SignInSessionArn", typ: typeARN, nowhere: true},
	{name: "aws:SourceOrgID", nowhere: true},
	{name: "aws:SourceOrgPaths", several: true, nowhere: true},
	{name: "aws:SourceVpc", nowhere: true},
	{name: "aws:SourceVpcArn", typ: typeARN, nowhere: true},
	{name: "aws:SourceVpce", nowhere: true},
	{name: "aws:UserAgent", nowhere: true},
	{name: "aws:ViaAWSService", typ: typeBool, nowhere: true},
	{name: "aws:VpceAccount", nowhere: true},
	{name: "aws:VpceOrgID", nowhere: true},
	{name: "aws:VpceOrgPaths", several: true, nowhere: true},
	{name: "aws:VpcSourceIp", typ: typeIP, nowhere: true},
	{name: "sts:AWSServiceName", nowhere: true},
	{name: "sts:RequestContext", tags: true, nowhere: true},
	{name: "sts:RequestContextProviders", several: true, nowhere: true},
	{name: "sts:TaskPolicyArn", typ: typeARN, nowhere: true},
	{name: "bedrock-agentcore:actorId", nowhere: true},
	{name: "bedrock-agentcore:GatewayAuthorizerType", nowhere: true},
	{name: "bedrock-agentcore:namespace", nowhere: true},
	{name: "bedrock-agentcore:RuntimeAuthorizerType", nowhere: true},
	{name: "bedrock-agentcore:securityGroups", several: true, nowhere: true},
	{name: "bedrock-agentcore:sessionId", nowhere: true},
	{name: "bedrock-agentcore:strategyId", nowhere: true},
	{name: "bedrock-agentcore:subnets", several: true, nowhere: true},
	{name: "iam:AssociatedResourceArn", typ: typeARN, nowhere: true},
	{name: "iam:AWSServiceName", nowhere: true},
	{name: "iam:OrganizationsPolicyId", nowhere: true},
	{name: "iam:PermissionsBoundary", typ: typeARN, nowhere: true},
	{name: "iam:RegisterSecurityKey", nowhere: true},
}
