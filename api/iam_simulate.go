package api

// Simulation: what policies would decide, asked without doing it.

const contextKeyTypes = "string|stringList|numeric|numericList|boolean|booleanList|ip|ipList|binary|binaryList|date|dateList"

// SimulatePrincipalPolicyRequest asks for the policies of a user or role, and more policies if any are given.
type SimulatePrincipalPolicyRequest struct {
	SourceARN       string         `json:"PolicySourceArn" v:"required;len=20..2048"`
	Policies        []string       `json:"PolicyInputList,omitempty" each:"len=1..131072;pattern=policyText"`
	Actions         []string       `json:"ActionNames" v:"required" each:"len=3..128"`
	Resources       []string       `json:"ResourceArns,omitempty" each:"len=1..2048"`
	CallerARN       *string        `json:"CallerArn,omitempty" v:"len=1..2048"`
	Context         []ContextEntry `json:"ContextEntries,omitempty"`
	Marker          string         `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems        *int32         `json:"MaxItems,omitempty" v:"range=1..1000"`
	ResourcePolicy  *Unserved      `json:"ResourcePolicy,omitempty" unserved:"resources have no policies of their own here"`
	ResourceOwner   *Unserved      `json:"ResourceOwner,omitempty" unserved:"resources have no policies of their own here, so that their owner decides nothing"`
	ResourceOptions *Unserved      `json:"ResourceHandlingOption,omitempty" unserved:"it describes network scenarios of virtual machines, which have no meaning here"`
	Boundaries      *Unserved      `json:"PermissionsBoundaryPolicyInputList,omitempty" unserved:"permissions boundaries are not enforced here, so an answer that counts them would be wrong"`
	Excluded        *Unserved      `json:"PolicyExclusionList,omitempty" unserved:"every policy of the principal counts; simulate the others alone with SimulateCustomPolicy"`
}

// SimulateCustomPolicyRequest asks for the policies given.
type SimulateCustomPolicyRequest struct {
	Policies        []string       `json:"PolicyInputList" v:"required" each:"len=1..131072;pattern=policyText"`
	Actions         []string       `json:"ActionNames" v:"required" each:"len=3..128"`
	Resources       []string       `json:"ResourceArns,omitempty" each:"len=1..2048"`
	CallerARN       *string        `json:"CallerArn,omitempty" v:"len=1..2048"`
	Context         []ContextEntry `json:"ContextEntries,omitempty"`
	Marker          string         `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems        *int32         `json:"MaxItems,omitempty" v:"range=1..1000"`
	ResourcePolicy  *Unserved      `json:"ResourcePolicy,omitempty" unserved:"resources have no policies of their own here"`
	ResourceOwner   *Unserved      `json:"ResourceOwner,omitempty" unserved:"resources have no policies of their own here, so that their owner decides nothing"`
	ResourceOptions *Unserved      `json:"ResourceHandlingOption,omitempty" unserved:"it describes network scenarios of virtual machines, which have no meaning here"`
	Boundaries      *Unserved      `json:"PermissionsBoundaryPolicyInputList,omitempty" unserved:"permissions boundaries are not enforced here, so an answer that counts them would be wrong"`
	Organization    *Unserved      `json:"OrderedOrganizationPolicyInputList,omitempty" unserved:"there are no organizations here"`
}

// ContextEntry is one condition key and its values.
type ContextEntry struct {
	Name   string   `json:"ContextKeyName" v:"required;len=5..256"`
	Values []string `json:"ContextKeyValues,omitempty"`
	Type   string   `json:"ContextKeyType,omitempty" v:"enum=contextKeyType"`
}

// SimulatePolicyResponse has one result for each action and resource.
type SimulatePolicyResponse struct {
	Results     []EvaluationResult `json:"EvaluationResults"`
	IsTruncated bool               `json:"IsTruncated"`
	Marker      string             `json:"Marker,omitempty"`
}

// Decisions of a simulation.
const (
	DecisionAllowed      = "allowed"
	DecisionExplicitDeny = "explicitDeny"
	DecisionImplicitDeny = "implicitDeny"
)

// EvaluationResult is what would be decided, and by which statements.
type EvaluationResult struct {
	Action        string             `json:"EvalActionName"`
	Resource      string             `json:"EvalResourceName"`
	Decision      string             `json:"EvalDecision"`
	Matched       []MatchedStatement `json:"MatchedStatements"`
	MissingValues []string           `json:"MissingContextValues"`
}

// MatchedStatement is a statement that had its part in a decision, by its place.
type MatchedStatement struct {
	PolicyID   string    `json:"SourcePolicyId"`
	PolicyType string    `json:"SourcePolicyType,omitempty"`
	Start      *Position `json:"StartPosition,omitempty"`
	End        *Position `json:"EndPosition,omitempty"`
}

// Position is a place in a policy document, counted from 1.
type Position struct {
	Line   int32 `json:"Line"`
	Column int32 `json:"Column"`
}

// GetContextKeysRequest names a user or role whose policies are read, and more policies if any are given.
type GetContextKeysRequest struct {
	SourceARN string   `json:"PolicySourceArn" v:"required;len=20..2048"`
	Policies  []string `json:"PolicyInputList,omitempty" each:"len=1..131072;pattern=policyText"`
}

// GetContextKeysResponse names the condition keys that those policies ask for.
type GetContextKeysResponse struct {
	Keys []string `json:"ContextKeyNames"`
}
