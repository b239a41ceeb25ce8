// Package awskms is a root key source in AWS KMS. The root key never leaves KMS;
// this package sends it data keys to wrap and unwrap, bound to their account,
// version and purpose by KMS's encryption context, which also shows in the
// operator's KMS audit trail.
//
// It protects data keys from whoever holds the database and this machine's disk.
// It trusts KMS and the credentials it is given; they need kms:Encrypt and
// kms:Decrypt on the one key, and nothing else. It must never accept a data key
// wrapped by another KMS key, even one that its credentials may use.
package awskms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// callTimeout bounds one call with its retries, for callers without a deadline.
const callTimeout = 10 * time.Second

// client is the part of the KMS client in use.
type client interface {
	Encrypt(ctx context.Context, in *kms.EncryptInput, opts ...func(*kms.Options)) (*kms.EncryptOutput, error)
	Decrypt(ctx context.Context, in *kms.DecryptInput, opts ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// Source is a [vault.KeySource] whose root key is a symmetric KMS key.
type Source struct {
	kms    client
	keyARN string
}

// New prepares a source with the standard AWS credential chain. An empty region
// means that of the key. It makes no call to KMS.
func New(ctx context.Context, keyARN, region string, optFns ...func(*kms.Options)) (*Source, error) {
	region, err := checkKey(keyARN, region)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("%w: AWS configuration for KMS key %s: %w", vault.ErrKeySource, keyARN, err)
	}
	return &Source{kms: kms.NewFromConfig(cfg, optFns...), keyARN: keyARN}, nil
}

// checkKey wants a key's ARN. An alias can be pointed at another key by whoever
// may edit aliases, and then nothing opens any more.
func checkKey(keyARN, region string) (string, error) {
	a, err := arn.Parse(keyARN)
	if err != nil || a.Service != "kms" || a.Region == "" || !strings.HasPrefix(a.Resource, "key/") {
		return "", fmt.Errorf("%w: %q is not the ARN of a KMS key; it looks like arn:aws:kms:REGION:ACCOUNT:key/ID, and an alias will not do",
			vault.ErrKeySource, keyARN)
	}
	if region != "" && region != a.Region {
		return "", fmt.Errorf("%w: KMS key %s is in %s, not in the configured region %s", vault.ErrKeySource, keyARN, a.Region, region)
	}
	return a.Region, nil
}

// Wrap encrypts a data key.
func (s *Source) Wrap(ctx context.Context, key []byte, encryptionContext map[string]string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := s.kms.Encrypt(ctx, &kms.EncryptInput{
		KeyId: aws.String(s.keyARN), Plaintext: key, EncryptionContext: encryptionContext,
	})
	if err != nil {
		return nil, s.explain("kms:Encrypt", err)
	}
	return out.CiphertextBlob, nil
}

// Unwrap decrypts a data key that this very KMS key wrapped.
func (s *Source) Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := s.kms.Decrypt(ctx, &kms.DecryptInput{
		KeyId: aws.String(s.keyARN), CiphertextBlob: wrapped, EncryptionContext: encryptionContext,
	})
	if err != nil {
		return nil, s.explain("kms:Decrypt", err)
	}
	return out.Plaintext, nil
}

// explain keeps apart a data key that does not open from a KMS that cannot be
// used, and says what to do about the second.
func (s *Source) explain(action string, err error) error {
	var invalid *types.InvalidCiphertextException
	if errors.As(err, &invalid) {
		return fmt.Errorf("%w (refused by KMS key %s)", vault.ErrSealed, s.keyARN)
	}
	return fmt.Errorf("%w: KMS key %s: %s: %w", vault.ErrKeySource, s.keyARN, s.advice(action, err), err)
}

func (s *Source) advice(action string, err error) string {
	var (
		other    *types.IncorrectKeyException
		missing  *types.NotFoundException
		disabled *types.DisabledException
		state    *types.KMSInvalidStateException
		coded    interface{ ErrorCode() string }
	)
	switch {
	case errors.As(err, &other):
		return "the data key was wrapped by another KMS key; configure that one"
	case errors.As(err, &missing):
		return "it does not exist; check the configured ARN"
	case errors.As(err, &disabled), errors.As(err, &state):
		return "it is disabled or awaits deletion; enable it again"
	case errors.As(err, &coded) && coded.ErrorCode() == "AccessDeniedException":
		return "allow " + action + " on it to the principal named below"
	default:
		return "call of " + action + " failed; check the network and the AWS credentials"
	}
}
