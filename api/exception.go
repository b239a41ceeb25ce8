package api

import "net/http"

// ExceptionName is the type by which clients know an error (header X-Amzn-ErrorType and body member __type).
type ExceptionName string

// The exceptions, as far as operations here answer them.
const (
	ValidationException         ExceptionName = "ValidationException"
	UnauthorizedException       ExceptionName = "UnauthorizedException"
	AccessDeniedException       ExceptionName = "AccessDeniedException"
	ResourceNotFoundException   ExceptionName = "ResourceNotFoundException"
	ConflictException           ExceptionName = "ConflictException"
	ThrottlingException         ExceptionName = "ThrottlingException"
	ServiceQuotaExceeded        ExceptionName = "ServiceQuotaExceededException"
	InternalServerException     ExceptionName = "InternalServerException"
	UnknownOperationException   ExceptionName = "UnknownOperationException"
	MissingAuthenticationToken  ExceptionName = "MissingAuthenticationTokenException"
	IncompleteSignature         ExceptionName = "IncompleteSignatureException"
	InvalidSignature            ExceptionName = "InvalidSignatureException"
	UnrecognizedClient          ExceptionName = "UnrecognizedClientException"
	ExpiredToken                ExceptionName = "ExpiredTokenException"
	RequestEntityTooLarge       ExceptionName = "RequestEntityTooLargeException"
	UnsupportedMediaType        ExceptionName = "UnsupportedMediaTypeException"
	ServiceUnavailableException ExceptionName = "ServiceUnavailableException"
	RuntimeClientError          ExceptionName = "RuntimeClientError"
)

// The error codes of the AWS Query services. Statuses are those that go with the code in most operations.
const (
	ValidationError            ExceptionName = "ValidationError"
	InvalidAction              ExceptionName = "InvalidAction"
	AccessDenied               ExceptionName = "AccessDenied"
	NoSuchEntity               ExceptionName = "NoSuchEntity"
	EntityAlreadyExists        ExceptionName = "EntityAlreadyExists"
	DeleteConflict             ExceptionName = "DeleteConflict"
	LimitExceeded              ExceptionName = "LimitExceeded"
	MalformedPolicyDocument    ExceptionName = "MalformedPolicyDocument"
	FeatureEnabled             ExceptionName = "FeatureEnabled"
	FeatureDisabled            ExceptionName = "FeatureDisabled"
	OutboundFederationDisabled ExceptionName = "OutboundWebIdentityFederationDisabledException"
	SessionDurationEscalation  ExceptionName = "SessionDurationEscalationException"
	JWTPayloadSizeExceeded     ExceptionName = "JWTPayloadSizeExceededException"
	PackedPolicyTooLarge       ExceptionName = "PackedPolicyTooLarge"
	InvalidIdentityToken       ExceptionName = "InvalidIdentityToken"
	IDPRejectedClaim           ExceptionName = "IDPRejectedClaim"
	IDPCommunicationError      ExceptionName = "IDPCommunicationError"
	InvalidClientTokenID       ExceptionName = "InvalidClientTokenId"
	ExpiredCredentials         ExceptionName = "ExpiredToken"
	SignatureDoesNotMatch      ExceptionName = "SignatureDoesNotMatch"
	QueryIncompleteSignature   ExceptionName = "IncompleteSignature"
	QueryMissingAuthentication ExceptionName = "MissingAuthenticationToken"
	Throttling                 ExceptionName = "Throttling"
	RequestTooLarge            ExceptionName = "RequestEntityTooLarge"
	ServiceFailure             ExceptionName = "ServiceFailure"
	InternalFailure            ExceptionName = "InternalFailure"
	ServiceUnavailable         ExceptionName = "ServiceUnavailable"
)

// Status is the HTTP status that goes with the exception.
func (n ExceptionName) Status() int {
	switch n {
	case ValidationException, ValidationError, InvalidAction, MalformedPolicyDocument, JWTPayloadSizeExceeded, PackedPolicyTooLarge,
		InvalidIdentityToken, IDPCommunicationError, QueryIncompleteSignature, Throttling:
		return http.StatusBadRequest
	case UnauthorizedException:
		return http.StatusUnauthorized
	case AccessDeniedException, MissingAuthenticationToken, IncompleteSignature, InvalidSignature, UnrecognizedClient, ExpiredToken,
		AccessDenied, OutboundFederationDisabled, SessionDurationEscalation, IDPRejectedClaim, InvalidClientTokenID, ExpiredCredentials,
		SignatureDoesNotMatch, QueryMissingAuthentication:
		return http.StatusForbidden
	case ResourceNotFoundException, UnknownOperationException, NoSuchEntity, FeatureDisabled:
		return http.StatusNotFound
	case ConflictException, EntityAlreadyExists, DeleteConflict, LimitExceeded, FeatureEnabled:
		return http.StatusConflict
	case ThrottlingException:
		return http.StatusTooManyRequests
	case ServiceQuotaExceeded:
		return http.StatusPaymentRequired
	case RuntimeClientError:
		return http.StatusFailedDependency
	case RequestEntityTooLarge, RequestTooLarge:
		return http.StatusRequestEntityTooLarge
	case UnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case ServiceUnavailableException, ServiceUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Reasons of a ValidationException: the member is required on the wire.
const (
	ReasonCannotParse      = "CannotParse"
	ReasonFieldValidation  = "FieldValidationFailed"
	ReasonResourceConflict = "ResourceConflict"
)

// Exception is an error answer: JSON body, status and X-Amzn-ErrorType header.
type Exception struct {
	Name    ExceptionName  `json:"__type"`
	Message string         `json:"message"`
	Reason  string         `json:"reason,omitempty"`    // ValidationException only
	Fields  []FieldProblem `json:"fieldList,omitempty"` // ValidationException only
}

// Error gives the exception's name and message.
func (e *Exception) Error() string { return string(e.Name) + ": " + e.Message }

// FieldProblem names one member of the request and what is wrong with it.
type FieldProblem struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}
