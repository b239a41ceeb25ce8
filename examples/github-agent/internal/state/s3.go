package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// S3 keeps objects in a bucket, of Amazon S3 or of another service that speaks its protocol with conditional writes.
type S3 struct {
	client *s3.Client
	bucket string
	config S3Config
}

// S3Config says how a bucket is spoken to.
type S3Config struct {
	Bucket    string
	PathStyle bool // for other services than Amazon's
	// Encryption is the storage's own, asked for beside ours: "", "AES256" or "aws:kms".
	Encryption string
	KMSKeyID   string
}

// NewS3 returns a store. It calls nobody yet.
func NewS3(cfg aws.Config, c S3Config) *S3 {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = c.PathStyle
		o.DisableLogOutputChecksumValidationSkipped = true // stores without checksums are common, and the seal checks more
	})
	return &S3{client: client, bucket: c.Bucket, config: c}
}

// Get implements Store.
func (s *S3) Get(ctx context.Context, name string) ([]byte, string, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &name})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) || status(err) == http.StatusNotFound && !noBucket(err) {
		return nil, "", ErrNotFound
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading from the bucket %s: %w", s.bucket, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxObject))
	if err != nil {
		return nil, "", fmt.Errorf("reading from the bucket %s: %w", s.bucket, err)
	}
	return data, aws.ToString(out.ETag), nil
}

// Put implements Store by a conditional write, so that of two replicas one wins and the other hears of it.
func (s *S3) Put(ctx context.Context, name string, data []byte, version string) error {
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &name, Body: bytes.NewReader(data), ContentType: aws.String("application/octet-stream"),
		ServerSideEncryption: types.ServerSideEncryption(s.config.Encryption),
	}
	if s.config.KMSKeyID != "" {
		in.SSEKMSKeyId = &s.config.KMSKeyID
	}
	if version == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &version
	}
	_, err := s.client.PutObject(ctx, in)
	switch code := status(err); {
	case err == nil:
		return nil
	case code == http.StatusPreconditionFailed, code == http.StatusConflict, code == http.StatusNotFound && !noBucket(err):
		return ErrConflict // 404: what was read has been deleted
	}
	return fmt.Errorf("writing to the bucket %s: %w", s.bucket, err)
}

func noBucket(err error) bool {
	var coded interface{ ErrorCode() string }
	return errors.As(err, &coded) && coded.ErrorCode() == "NoSuchBucket"
}

func status(err error) int {
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		return resp.HTTPStatusCode()
	}
	return 0
}
