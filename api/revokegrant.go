package api

// RevokeGrantRequest takes one grant back, at the provider and here.
type RevokeGrantRequest struct {
	GrantID string `json:"grantId" v:"required;len=1..64"`
	// LocalOnly forgets the grant without telling the provider: for one that is gone for ever.
	LocalOnly bool `json:"localOnly,omitempty"`
}

// Outcomes of a revocation.
const (
	OutcomeRevoked        = "revoked"        // the provider said so
	OutcomeAlreadyRevoked = "alreadyRevoked" // the provider ended it before, by its own word or an earlier receipt
	OutcomeNotSupported   = "notSupported"   // the provider takes nothing back; the tokens are forgotten here
	OutcomeDeletedLocally = "deletedLocally" // forgotten here, now or before; the provider was not told
	OutcomeFailed         = "failed"         // out of use here, and the provider still has to be told: revoke again
)

// RevokeGrantResponse is the receipt.
type RevokeGrantResponse struct {
	GrantID  string `json:"grantId"`
	Workload string `json:"workload"`
	Provider string `json:"provider"`
	User     string `json:"user,omitempty"`
	Outcome  string `json:"outcome"`
	// Status is that of the provider's HTTP answer; 0 where it was not asked, or did not answer.
	Status  int32     `json:"status"`
	Receipt string    `json:"receipt"`
	At      Timestamp `json:"at"`
	// AlsoEnded are further grants of the user that ended at the provider with this one.
	AlsoEnded []string `json:"alsoEnded,omitempty"`
}
