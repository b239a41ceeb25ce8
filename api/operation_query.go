package api

import "net/http"

// Version is the API version by which AWS Query clients name the service, "" of the services of other protocols.
func (s Service) Version() string {
	switch s {
	case STS:
		return "2011-06-15"
	case IAM:
		return "2010-05-08"
	default:
		return ""
	}
}

func stsOp(name string, readOnly bool, resource ResourceKind) Operation {
	return Operation{Name: name, Service: STS, Method: http.MethodPost, Path: "/", Status: http.StatusOK, Resources: []ResourceKind{resource}, ReadOnly: readOnly}
}

// iamGet is a row of IAM that changes nothing.
func iamGet(name string, resource ResourceKind) Operation {
	return Operation{Name: name, Service: IAM, Method: http.MethodPost, Path: "/", Status: http.StatusOK, Resources: []ResourceKind{resource}, ReadOnly: true}
}

// iamPut is a row of IAM that changes something.
func iamPut(name string, resource ResourceKind) Operation {
	op := iamGet(name, resource)
	op.ReadOnly = false
	return op
}

func unsigned(op Operation) Operation {
	op.Unsigned = true
	return op
}

// The operations of STS.
var (
	GetCallerIdentity         = stsOp("GetCallerIdentity", true, ResourceAny)
	GetWebIdentityToken       = stsOp("GetWebIdentityToken", true, ResourceAny)
	AssumeRole                = stsOp("AssumeRole", false, ResourceRole)
	AssumeRoleWithWebIdentity = unsigned(stsOp("AssumeRoleWithWebIdentity", false, ResourceRole))
)

func stsOperations() []Operation {
	return []Operation{GetCallerIdentity, GetWebIdentityToken, AssumeRole, AssumeRoleWithWebIdentity}
}
